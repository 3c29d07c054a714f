"""What the host was told when it was enrolled; without it nothing is sent."""

import base64
from typing import NamedTuple

from verbundwacht_agent.errors import EnrolmentError, StateError
from verbundwacht_agent.paths import Paths
from verbundwacht_wire.errors import KeyUnusable, WireError
from verbundwacht_wire.frame import Frame, read_frame
from verbundwacht_wire.keys import PublicKey, check_signature, kid_of, load_spki
from verbundwacht_wire.messages import RECEIPT, Receipt
from verbundwacht_wire.payload import decode, inflate


class Enrolment(NamedTuple):
    """The receipt as checked: who we are there, and whose answers we believe."""

    receipt: Receipt
    agent: bytes
    genesis: bytes  # where the chain begins
    downlink: PublicKey
    downlink_kid: bytes


def read_receipt(raw: bytes) -> Enrolment:
    """The receipt in these bytes, signed by the key it names. Raises EnrolmentError."""
    try:
        frame: Frame = read_frame(raw)
        if frame.header.typ != RECEIPT:
            raise EnrolmentError(f"Das ist keine Quittung, sondern {frame.header.typ}.")
        data = inflate(frame.payload, frame.header.coding, frame.header.ulen)
        receipt = decode(data, Receipt)
        spki = base64.b64decode(receipt.downlink_spki, validate=True)
        key = load_spki(spki)
        check_signature(frame, key)
        agent = bytes.fromhex(receipt.agent)
    except (WireError, KeyUnusable, ValueError) as problem:
        raise EnrolmentError(
            f"Die Quittung ist unbrauchbar: {problem}. Noch einmal vom Sammler holen."
        ) from None
    header = frame.header
    if kid_of(spki) != header.kid or header.agent != agent:
        raise EnrolmentError("Die Quittung widerspricht sich. Noch einmal vom Sammler holen.")
    if header.tenant != receipt.municipality:
        raise EnrolmentError("Die Quittung nennt zwei Kommunen. Noch einmal vom Sammler holen.")
    return Enrolment(receipt, agent, frame.entry_hash, key, header.kid)


def load_enrolment(paths: Paths) -> Enrolment:
    """The stored receipt. Raises StateError if the host is not enrolled."""
    try:
        return read_receipt(paths.receipt.read_bytes())
    except FileNotFoundError:
        raise StateError(
            "Dieser Server ist noch nicht angemeldet. Erst: verbundwacht-agent prepare "
            "--municipality KÜRZEL, dann mit der Quittung: verbundwacht-agent accept DATEI"
        ) from None
    except PermissionError:
        raise StateError(f"{paths.receipt} ist nicht lesbar. Als root starten.") from None
