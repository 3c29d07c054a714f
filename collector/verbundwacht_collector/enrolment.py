"""A host becomes known: its request is checked, it gets a certificate and a signed receipt.

The same request again gets the same receipt, so an interrupted transfer is simply repeated.
"""

import base64
import os
from datetime import UTC, datetime
from typing import NamedTuple

import msgspec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from verbundwacht_collector.acks import frame_down
from verbundwacht_collector.errors import NotFound, Refused
from verbundwacht_collector.i18n import _
from verbundwacht_collector.pki import Authority, check_request, issue_agent, pem
from verbundwacht_collector.store.protocol import Transaction
from verbundwacht_wire.errors import KeyUnusable, WireError
from verbundwacht_wire.frame import NOBODY, Frame, read_frame
from verbundwacht_wire.keys import Signer, check_signature, fingerprint, kid_of, load_spki
from verbundwacht_wire.messages import ENROL, RECEIPT, EnrolRequest, Receipt
from verbundwacht_wire.payload import decode, inflate


class Addresses(NamedTuple):
    """Where agents reach the collector, and how often they are to report."""

    mqtt: str
    https: str
    interval_s: int


class Request(NamedTuple):
    """A checked request: the host holds both keys it names."""

    frame: Frame
    body: EnrolRequest
    spki: bytes
    fingerprint: str


class Enrolled(NamedTuple):
    """A host that is known now."""

    agent: bytes
    name: str
    fingerprint: str
    receipt: bytes
    again: bool  # the host was known before; this is the receipt it got then


def read_request(raw: bytes) -> Request:
    """The request in these bytes. Raises Refused with the next step."""
    try:
        frame = read_frame(raw)
        header = frame.header
        if header.typ != ENROL or header.agent != NOBODY:
            raise Refused(
                _("Das ist keine Anmeldung, sondern eine Nachricht %(typ)s.", typ=header.typ)
            )
        body = decode(inflate(frame.payload, header.coding, header.ulen), EnrolRequest)
        spki = base64.b64decode(body.spki, validate=True)
        if kid_of(spki) != header.kid:
            raise Refused(
                _("Die Anmeldung nennt einen anderen Schlüssel als den, der sie unterschrieb.")
            )
        check_signature(frame, load_spki(spki))
        _check_name(body.hostname)
        tls = check_request(body.csr.encode())
    except (WireError, KeyUnusable, ValueError) as problem:
        raise Refused(
            _(
                "Die Anmeldung ist unbrauchbar: %(problem)s. Auf dem Server neu erzeugen: "
                "verbundwacht-agent prepare",
                problem=problem,
            )
        ) from None
    tls_spki = tls.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return Request(frame, body, spki, fingerprint(spki, tls_spki))


def _check_name(name: str) -> None:
    """The name will stand on screens, in mails and in certificates of other people."""
    if not 1 <= len(name) <= 64 or not name.isprintable() or name != name.strip():
        raise Refused(
            _(
                "Die Anmeldung nennt den Server %(value)s: 1 bis 64 druckbare Zeichen sind "
                "nötig. Rechnernamen setzen, dann: verbundwacht-agent prepare",
                value=repr(name[:64]),
            )
        )


def admit(
    tx: Transaction,
    request: Request,
    *,
    municipality_id: str,
    authority: Authority,
    signer: Signer,
    addresses: Addresses,
    now: int,
    simulated: bool = False,
    separate: bool = False,
) -> Enrolled:
    """The host belongs to the municipality and may report.

    Raises NotFound for an unknown municipality; Refused if the request was made for another
    one, or if the same machine is enrolled already and `separate` was not said.
    """
    if request.frame.header.tenant != municipality_id:
        raise Refused(
            _(
                "Die Anmeldung gilt für %(tenant)s, nicht für %(municipality_id)s. Nehmen Sie "
                "--municipality mit dem richtigen Kürzel.",
                tenant=request.frame.header.tenant,
                municipality_id=municipality_id,
            )
        )
    if not tx.execute("SELECT 1 FROM municipality WHERE id = :id", {"id": municipality_id}):
        raise NotFound(
            _(
                "Keine Kommune %(municipality_id)s. Anlegen: verbundwacht municipality add "
                "%(municipality_id)s --name NAME",
                municipality_id=municipality_id,
            )
        )
    known = _known(tx, request, municipality_id)
    if known is not None:
        return known
    _refuse_twin(tx, request, municipality_id, separate)
    return _insert(tx, request, municipality_id, authority, signer, addresses, now, simulated)


def _known(tx: Transaction, request: Request, municipality_id: str) -> Enrolled | None:
    rows = tx.execute(
        "SELECT h.agent, h.name, h.receipt, h.municipality_id FROM host_key k"
        " JOIN host h ON h.id = k.host_id WHERE k.kid = :kid",
        {"kid": request.frame.header.kid},
    )
    if not rows:
        return None
    agent, name, receipt, owner = rows[0]
    if owner != municipality_id:
        raise Refused(_("Dieser Schlüssel gehört schon zu %(owner)s.", owner=owner))
    return Enrolled(agent, name, request.fingerprint, receipt, again=True)


def _refuse_twin(tx: Transaction, request: Request, municipality_id: str, separate: bool) -> None:
    rows = tx.execute(
        "SELECT name, hex(agent) FROM host WHERE municipality_id = :m AND state = 'active'"
        " AND (binding = :binding OR name = :name)",
        {"m": municipality_id, "binding": request.body.host_binding, "name": request.body.hostname},
    )
    if rows and not separate:
        name, agent = rows[0]
        raise Refused(
            _(
                "%(name)s (%(value)s…) ist schon angemeldet: gleicher Name oder gleiche "
                "Maschine. Ist es wirklich ein zweiter Server, dann mit --separate wiederholen.",
                name=name,
                value=agent.lower()[:8],
            )
        )


def _insert(
    tx: Transaction,
    request: Request,
    municipality_id: str,
    authority: Authority,
    signer: Signer,
    addresses: Addresses,
    now: int,
    simulated: bool,
) -> Enrolled:
    agent = os.urandom(16)
    receipt = _receipt(tx, request, municipality_id, agent, authority, signer, addresses, now)
    body, kid = request.body, request.frame.header.kid
    rows = tx.execute(
        "INSERT INTO host (agent, municipality_id, name, os, simulated, binding, receipt,"
        " created_at, interval_s) VALUES (:agent, :municipality_id, :name, :os, :simulated,"
        " :binding, :receipt, :now, :interval_s) RETURNING id",
        {
            "agent": agent,
            "municipality_id": municipality_id,
            "name": body.hostname,
            "os": "".join(filter(str.isprintable, body.os))[:80],
            "simulated": simulated,
            "binding": body.host_binding,
            "receipt": receipt,
            "now": now,
            "interval_s": addresses.interval_s,
        },
    )
    host_id = rows[0][0]
    tx.execute(
        "INSERT INTO host_key (kid, host_id, spki, created_at) VALUES (:kid, :host, :spki, :now)",
        {"kid": kid, "host": host_id, "spki": request.spki, "now": now},
    )
    genesis = read_frame(receipt).entry_hash
    tx.execute(
        "INSERT INTO chain (host_id, genesis, head, upto_hash) VALUES (:host, :g, :g, :g)",
        {"host": host_id, "g": genesis},
    )
    tx.audit(
        at=now,
        actor="operator",
        action="host.added",
        obj=f"host {agent.hex()}",
        detail=msgspec.json.encode(
            {"municipality": municipality_id, "name": body.hostname, "kid": kid.hex()}
        ).decode(),
    )
    return Enrolled(agent, body.hostname, request.fingerprint, receipt, again=False)


def _receipt(
    tx: Transaction,
    request: Request,
    municipality_id: str,
    agent: bytes,
    authority: Authority,
    signer: Signer,
    addresses: Addresses,
    now: int,
) -> bytes:
    issued = datetime.fromtimestamp(now / 1000, UTC)
    leaf = issue_agent(authority, request.body.csr.encode(), municipality_id, agent, issued)
    receipt = Receipt(
        agent=agent.hex(),
        municipality=municipality_id,
        kid=request.frame.header.kid.hex(),
        certificate=(pem(leaf) + authority.chain).decode(),
        ca=pem(authority.root).decode(),
        downlink_spki=base64.b64encode(signer.spki).decode(),
        mqtt=addresses.mqtt,
        https=addresses.https,
        interval_s=addresses.interval_s,
    )
    seq = max(tx.counter("downlink_seq") + 1, now)
    tx.set_counter("downlink_seq", seq)
    payload = msgspec.json.encode(receipt)
    return frame_down(RECEIPT, municipality_id, agent, payload, signer, seq, now)
