"""`check-config`, and the catalogue that every configuration error comes from."""

import errno
import json
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from tests.collector.cli.operator import Operator, Ran, write_pack
from tests.collector.cli.provoked import GOOD, MAIL, own_pages
from tests.collector.cli.scenes import CHECK, PROVOKED, Scene
from tests.system.running import new_stage, serving

from verbundwacht_collector.checkup import keys
from verbundwacht_collector.config import look
from verbundwacht_collector.config_problems import CONFIG_PROBLEMS
from verbundwacht_collector.errors import LANGUAGES, CodedError, ConfigProblem

BY_CODE = {one.code: one for one in CONFIG_PROBLEMS}


@pytest.fixture
def scene(operator: Operator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Scene]:
    monkeypatch.delenv("VERBUNDWACHT_LANG", raising=False)
    operator.settings(GOOD)
    with ExitStack() as held:
        yield Scene(operator, tmp_path, monkeypatch, held)


def run(scene: Scene, words: tuple[str, ...]) -> Ran:
    if words[0] == "bash":
        done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
        return Ran(done.returncode, done.stdout, done.stderr)
    return scene.operator.run(*words, with_dir="--dir" not in words)


def fixed_part(problem: ConfigProblem) -> str:
    """What a message begins or goes on with, before and behind its first value."""
    return max(problem.de.replace("}", "{").split("{")[::2], key=len)


@pytest.mark.parametrize("code", sorted(BY_CODE))
def test_every_problem_is_met_by_a_real_command_and_says_its_code_and_cure(
    scene: Scene, code: str
) -> None:
    problem = BY_CODE[code]
    words = PROVOKED[code](scene)

    ran = run(scene, words)

    (line,) = [one for one in (ran.out + ran.err).splitlines() if one.endswith(f"[{code}]")]
    assert fixed_part(problem).strip() in line
    assert ran.code == (0 if problem.warning else 2), line
    assert "{" not in line.replace("{}", "")


def test_no_provocation_is_for_a_problem_that_is_no_more() -> None:
    assert PROVOKED.keys() - BY_CODE.keys() == set()


@pytest.mark.parametrize("problem", CONFIG_PROBLEMS, ids=lambda one: one.code)
def test_both_languages_say_the_same(problem: ConfigProblem) -> None:
    def holes(*texts: str) -> frozenset[str]:
        return ConfigProblem("", "", " ".join(texts), "", "").placeholders

    assert holes(problem.de) == holes(problem.en)
    assert holes(problem.cure_de) == holes(problem.cure_en)
    assert all((problem.de, problem.en, problem.cure_de, problem.cure_en))


def test_a_code_means_one_thing() -> None:
    assert len(BY_CODE) == len(CONFIG_PROBLEMS)
    assert all(len(code) == 4 and code[0] == "C" and code[1:].isdigit() for code in BY_CODE)


SERVE_STOPS_AT = sorted(
    code
    for code, one in BY_CODE.items()
    if not one.warning
    and code
    not in {
        *("C207", "C413", "C505", "C506", "C507", "C513", "C701"),  # other commands meet these
        *("C417", "C418", "C421", "C432", "C702", "C704"),  # it starts, see checkup
    }
)


@pytest.mark.parametrize("code", SERVE_STOPS_AT)
def test_serve_says_it_in_the_same_words(scene: Scene, code: str) -> None:
    words = PROVOKED[code](scene)
    checked = run(scene, words)

    served = run(scene, tuple("serve" if word == "check-config" else word for word in words))

    assert served.code == 2
    assert served.sentence.removeprefix("verbundwacht: ") in checked.out + checked.err


@pytest.mark.parametrize("code", ["C417", "C419", "C421", "C422"])
def test_serve_starts_with_a_certificate_that_ends_and_says_so(scene: Scene, code: str) -> None:
    PROVOKED[code](scene)
    scene.operator.folder.database.unlink()  # which ends it before it opens a door

    served = scene.operator.run("serve")

    assert f"[{code}]" in served.err
    assert "[C501]" in served.err


def test_a_folder_that_serves_is_fine(scene: Scene) -> None:
    ran = scene.operator.run(*CHECK)

    assert (ran.code, ran.err) == (0, "")
    assert ran.out == f"{scene.operator.folder.root}: alles in Ordnung.\n"
    assert scene.operator.run(*CHECK, "--json").json["problems"] == []


def test_all_problems_are_named_at_once_errors_first(scene: Scene) -> None:
    text = GOOD.replace("900", "30").replace("127.0.0.1:0", "nirgends", 1)
    scene.operator.settings(text + MAIL.replace("soc@", "soc") + 'user = "vw"\n')
    scene.files.server_key.chmod(0o644)
    scene.sql("DELETE FROM pack")

    ran = scene.operator.run(*CHECK, "--json")

    found = [one["code"] for one in ran.json["problems"]]
    assert found == ["C201", "C202", "C302", "C411", "C512"]
    assert ran.code == 2


def test_a_folder_that_may_not_be_entered_hides_nothing_else(scene: Scene) -> None:
    closed = str(scene.operator.folder.keys)

    def refuse(*_: object) -> list[CodedError]:
        raise PermissionError(errno.EACCES, "Permission denied", closed)

    scene.patch.setattr(keys, "problems", refuse)
    scene.sql("DELETE FROM pack")

    found = scene.operator.run(*CHECK, "--json").json["problems"]

    assert [one["code"] for one in found] == ["C701", "C512"]
    assert closed in found[0]["message"]


def test_several_keys_that_do_not_fit_are_several_problems(scene: Scene) -> None:
    text = 'alliance = 7\nx = 1\n[mail]\nhost = 3\n[[webhook]]\nname = "a"\n[[webhook]]\nurl = 1\n'
    scene.operator.settings(text)

    found = [one["message"] for one in scene.operator.run(*CHECK, "--json").json["problems"]]

    for words in ("alliance = 7", "Schlüssel x", "mail.host = 3", "mail.sender", "public fehlt"):
        assert any(words in one for one in found), words
    assert any("webhook #1.url fehlt" in one for one in found)
    assert any("webhook #2.url = 1" in one for one in found)


def test_what_could_not_be_looked_at_is_named(scene: Scene) -> None:
    fine = scene.operator.run(*CHECK, "--json").json
    scene.operator.settings(GOOD.replace("900", "30"))

    wrong = scene.operator.run(*CHECK)

    assert fine["complete"] is True
    assert scene.operator.run(*CHECK, "--json").json["complete"] is False
    assert wrong.out.splitlines()[-1].startswith("Noch nicht geprüft: Adressen")


@pytest.mark.parametrize(
    ("mqtt", "https", "clash"),
    [
        ("0.0.0.0:8883", "127.0.0.1:8883", True),
        ("127.0.0.1:8883", "0.0.0.0:8883", True),
        ("[::1]:8883", "[::]:8883", True),
        ("localhost:8883", "0.0.0.0:8883", True),
        ("[::]:8883", "0.0.0.0:8883", False),
        ("[::]:8883", "127.0.0.1:8883", False),
        ("127.0.0.1:8883", "127.0.0.1:8884", False),
        ("127.0.0.1:8883", "127.0.0.2:8883", False),
        ("127.0.0.1:0", "127.0.0.1:0", False),
    ],
)
def test_two_doors_on_one_port_are_seen_before_they_collide(
    scene: Scene, mqtt: str, https: str, clash: bool
) -> None:
    text = GOOD.replace('mqtt = "127.0.0.1:0"', f'mqtt = "{mqtt}"')
    scene.operator.settings(text.replace('https = "127.0.0.1:0"', f'https = "{https}"'))

    _, found = look(scene.operator.folder)

    assert [one.problem.code for one in found] == (["C203"] if clash else [])


def test_warnings_alone_are_no_failure(scene: Scene) -> None:
    scene.operator.settings(GOOD + MAIL + 'user = "vw"\n')

    ran = scene.operator.run(*CHECK)

    assert (ran.code, ran.out.splitlines()[-1].startswith("Fehler: 0, Hinweise: 1.")) == (0, True)
    assert ran.out.startswith("Hinweis: ")


@pytest.mark.parametrize("code", ["C106", "C412", "C502", "C504", "C507", "C512", "C601"])
def test_nothing_is_changed_by_looking(scene: Scene, code: str) -> None:
    words = PROVOKED[code](scene)
    before = scene.operator.listing()

    run(scene, words)

    assert scene.operator.listing() == before


@pytest.mark.parametrize("how", ["--lang", "VERBUNDWACHT_LANG"])
def test_the_same_in_english(scene: Scene, how: str) -> None:
    scene.operator.settings(GOOD.replace("900", '"900"'))
    option = ["--lang", "en"] if how == "--lang" else []
    if not option:
        scene.patch.setenv(how, "en")

    checked, served = scene.operator.run(*CHECK, *option), scene.operator.run("serve", *option)

    says = "interval_s = '900' does not fit. Expected is a whole number. [C109]"
    assert says in checked.out
    assert says in served.err
    assert "\nErrors: 1, notes: 0." in checked.out


def test_the_option_beats_the_environment(scene: Scene) -> None:
    scene.patch.setenv("VERBUNDWACHT_LANG", "en")

    assert "alles in Ordnung" in scene.operator.run(*CHECK, "--lang", "de").out


def test_a_running_collector_of_this_folder_holds_its_ports_and_a_stranger_does_not(
    tmp_path: Path, scene: Scene
) -> None:
    stage = new_stage(tmp_path / "collector", pack=write_pack(tmp_path / "pack"))
    where = ("--dir", str(stage.folder.root), *CHECK, "--json")
    with serving(stage) as running:
        own = run(scene, where)
        moved = stage.folder.config.read_text().replace(f":{stage.ports.https}", ":0")
        with socket.create_server(("127.0.0.1", 0)) as stranger:
            foreign = moved.replace('127.0.0.1:0"', f'127.0.0.1:{stranger.getsockname()[1]}"')
            stage.folder.config.write_text(foreign)
            other = run(scene, where)
        code = running.stop()
        log = running.log()

    assert own.json["problems"] == []
    assert [one["code"] for one in other.json["problems"]] == ["C601"]
    assert (code, "refused" in log) == (0, False)


def test_the_key_of_the_pages_may_belong_to_a_group_but_not_to_all(scene: Scene) -> None:
    _, key = own_pages(scene, 2048)
    allowed = scene.operator.run(*CHECK)
    key.chmod(0o644)
    refused = scene.operator.run(*CHECK), scene.operator.run("serve")

    assert allowed.code == 0, allowed.out
    assert all(f"chmod 640 {key}" in one.out + one.err for one in refused)


def test_the_path_of_a_webhook_is_never_repeated(scene: Scene) -> None:
    PROVOKED["C304"](scene)

    ran = scene.operator.run(*CHECK)

    assert "http://x.example/…" in ran.out
    assert "/geheim" not in ran.out


def test_a_value_from_the_file_cannot_move_the_cursor(scene: Scene) -> None:
    scene.operator.settings(f'"\\u001b[2J" = 1\n{GOOD}')

    ran = scene.operator.run(*CHECK)

    assert "\x1b" not in ran.out


def test_init_ends_with_the_command_that_checks(scene: Scene) -> None:
    pack = write_pack(scene.tmp / "pack")

    ran = scene.operator.run("init", "--pack", str(pack))

    assert f"verbundwacht check-config --dir {scene.operator.folder.root}" in ran.out


@pytest.mark.parametrize("spoil", [PROVOKED["C417"], PROVOKED["C419"], PROVOKED["C420"]])
def test_certificate_renew_is_the_cure(scene: Scene, spoil: Callable[[Scene], object]) -> None:
    spoil(scene)
    key = scene.files.server_key.read_bytes()

    renewed = scene.operator.run("certificate", "renew", "--name", "sammler.example", "--json")

    assert renewed.code == 0
    assert renewed.json["names"][0] == "sammler.example"
    assert "localhost" in renewed.json["names"]
    assert scene.operator.run(*CHECK).code == 0
    assert json.loads(scene.operator.run(*CHECK, "--json").out)["problems"] == []
    assert scene.files.server_key.read_bytes() == key


def test_there_are_two_languages() -> None:
    assert LANGUAGES == ("de", "en")
