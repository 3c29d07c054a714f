"""Every problem of the catalogue happens, says the same everywhere, and has a cure."""

import json
import re
from collections.abc import Callable

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519
from tests.agent.transport.fakes import EnrolledHost

from verbundwacht_agent.config import load_config
from verbundwacht_agent.config_problems import CONFIG_PROBLEMS, OUT_OF_RANGE
from verbundwacht_agent.errors import CodedError, ConfigError
from verbundwacht_agent.keys import load_private
from verbundwacht_agent.paths import Paths
from verbundwacht_agent.peer import load_peer, tls_context
from verbundwacht_agent.post import letters

Act = Callable[[Paths], object]


def _toml(text: str) -> Act:
    def act(paths: Paths) -> object:
        (paths.root / "agent.toml").write_text(text)
        return load_config(paths)

    return act


def _unreadable_toml(paths: Paths) -> object:
    (paths.root / "agent.toml").mkdir()
    return load_config(paths)


def _peer(damage: Act) -> Act:
    return lambda paths: (damage(paths), load_peer(paths.peer))


def _tls(damage: Act) -> Act:
    return lambda paths: (damage(paths), tls_context(paths))


def _key(damage: Act) -> Act:
    def act(paths: Paths) -> object:
        paths.tls_key.chmod(0o600)
        damage(paths)
        return load_private(paths.tls_key)

    return act


def _spool(paths: Paths) -> object:
    # Root may open every folder, so what denies it here is that there is none.
    for path in paths.spool.glob("*"):
        path.unlink()
    paths.spool.rmdir()
    paths.spool.write_text("")
    return letters(paths)


def _as_folder(paths: Paths) -> None:
    paths.tls_key.unlink()
    paths.tls_key.mkdir()


def _other_kind(paths: Paths) -> None:
    pem = ed25519.Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    paths.tls_key.write_bytes(pem)


def _other_agent(paths: Paths) -> None:
    paths.peer.write_text(json.dumps(json.loads(paths.peer.read_text()) | {"agent": "x"}))


PROVOKED: dict[str, Act] = {
    "A101": _unreadable_toml,
    "A102": _toml("interval_s"),
    "A103": _toml("colour = 1"),
    "A104": _toml("interval = 300"),
    "A105": _toml('interval_s = "300"'),
    "A106": _toml("interval_s = 59"),
    "A107": _toml('uplink_only = "yes"'),
    "A201": _peer(lambda paths: paths.peer.unlink()),
    "A202": _peer(lambda paths: paths.peer.write_text("{")),
    "A203": _peer(_other_agent),
    "A204": _tls(lambda paths: paths.ca.unlink()),
    "A205": _tls(lambda paths: paths.ca.write_text("x")),
    "A206": _spool,
    "A301": _key(lambda paths: paths.tls_key.unlink()),
    "A302": _key(_as_folder),
    "A303": _key(lambda paths: paths.tls_key.chmod(0o644)),
    "A304": _key(lambda paths: paths.tls_key.write_text("x")),
    "A305": _key(_other_kind),
}


@pytest.mark.parametrize("code", [problem.code for problem in CONFIG_PROBLEMS])
def test_every_problem_happens_and_its_sentence_ends_with_its_code(
    host: EnrolledHost, code: str
) -> None:
    with pytest.raises(CodedError) as raised:
        PROVOKED[code](host.paths)
    error = raised.value

    assert error.problem.code == code
    assert str(error) == f"{error.what} {error.do} [{code}]"
    assert str(host.paths.root) in error.what
    assert "\n" not in str(error)


def test_codes_are_unique_sorted_and_of_one_form() -> None:
    codes = [problem.code for problem in CONFIG_PROBLEMS]

    assert codes == sorted(set(codes))
    assert all(re.fullmatch(r"A[1-9]\d\d", code) for code in codes)


@pytest.mark.parametrize("problem", CONFIG_PROBLEMS, ids=lambda problem: problem.code)
def test_both_languages_name_the_same_values_and_end_what_they_say(problem: object) -> None:
    texts = {name: getattr(problem, name) for name in ("de", "en", "cure_de", "cure_en")}
    names = {name: set(re.findall(r"\{(\w+)\}", text)) for name, text in texts.items()}

    assert names["de"] == names["en"]
    assert names["cure_de"] == names["cure_en"]
    assert texts["de"].endswith(".") and texts["en"].endswith(".")
    assert texts["cure_de"] and texts["cure_en"]


def test_a_problem_without_its_values_is_a_fault_of_the_program() -> None:
    with pytest.raises(TypeError, match="A106"):
        ConfigError(OUT_OF_RANGE, file="x")


def test_a_value_out_of_a_file_cannot_move_the_cursor() -> None:
    error = ConfigError(OUT_OF_RANGE, file="x", key="k", value="\x1b[2J\r", low=1, high=2)

    assert str(error).isprintable()
