"""The host's own keys: one signs every message, another one speaks TLS. Neither leaves the host."""

from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from verbundwacht_agent import config_problems as problems
from verbundwacht_agent.errors import KeyFileError
from verbundwacht_agent.files import read_secret, write_new_secret
from verbundwacht_agent.paths import Paths
from verbundwacht_wire.keys import P256Signer


def make_keys(paths: Paths) -> None:
    """Both keys exist; existing ones stay as they are."""
    for path in (paths.signing_key, paths.tls_key):
        if not path.exists():
            key = ec.generate_private_key(ec.SECP256R1())
            pem = key.private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            write_new_secret(path, pem)


def load_signer(paths: Paths) -> P256Signer:
    """What signs this host's messages. Raises KeyFileError: missing, too open, damaged."""
    return P256Signer(load_private(paths.signing_key))


def load_private(file: Path) -> ec.EllipticCurvePrivateKey:
    """The P-256 key in this PEM file. Raises KeyFileError."""
    try:
        key = serialization.load_pem_private_key(read_secret(file), None)
    except (ValueError, TypeError) as problem:
        raise KeyFileError(problems.KEY_DAMAGED, file=file, reason=problem) from None
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.curve.name != "secp256r1":
        raise KeyFileError(problems.KEY_OTHER_KIND, file=file)
    return key
