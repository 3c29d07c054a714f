"""Where the agent keeps what it must not lose. Two folders, so that two users can share them.

DIR/gather/            written by gather only; the sender's group reads spool and beat
    signing-key.pem    0600, never leaves the host
    receipt.vw         the collector's signed receipt, where the chain begins
    spool/<seq>.vw     frames until they are acknowledged; the newest stays, it is the state
    parked/            frames of a branch that was given up
    rebase.vw          only while one branch is exchanged for another
    beat.vw            the current beat, one file
    doubt              only while answers are forged: send begins with HTTPS
    later wanted       what the collector wished: no sending until, everything again at
    absence.json       only while somebody has announced that this host will be away
    sections/          last collected bodies, so that costly probes need not run each time
    lock
DIR/send/              written by send only
    tls-key.pem tls-cert.pem ca.pem peer.json
    inbox/             signed answers that wait for gather
DIR/run/               until the machine restarts: boot, starts of the last runs
"""

from pathlib import Path
from typing import NamedTuple

DEFAULT_DIR = Path("/var/lib/verbundwacht")


class Paths(NamedTuple):
    """All files below one folder; nothing here touches the disk."""

    root: Path

    @property
    def gather(self) -> Path:
        """What gather writes."""
        return self.root / "gather"

    @property
    def signing_key(self) -> Path:
        """PEM, 0600."""
        return self.gather / "signing-key.pem"

    @property
    def receipt(self) -> Path:
        """The receipt frame; present means enrolled."""
        return self.gather / "receipt.vw"

    @property
    def spool(self) -> Path:
        """Frames named by their sequence number in 20 digits."""
        return self.gather / "spool"

    @property
    def parked(self) -> Path:
        """Frames that will never be sent."""
        return self.gather / "parked"

    @property
    def rebase(self) -> Path:
        """The first frame of the new branch until the old one lies aside."""
        return self.gather / "rebase.vw"

    @property
    def beat(self) -> Path:
        """The current beat."""
        return self.gather / "beat.vw"

    @property
    def absence(self) -> Path:
        """JSON as on the wire: from, until, reason."""
        return self.gather / "absence.json"

    @property
    def sections(self) -> Path:
        """Last collected bodies."""
        return self.gather / "sections"

    @property
    def lock(self) -> Path:
        """Held while gather runs."""
        return self.gather / "lock"

    @property
    def send(self) -> Path:
        """What send writes."""
        return self.root / "send"

    @property
    def tls_key(self) -> Path:
        """PEM, 0600; a key of its own, not the signing key."""
        return self.send / "tls-key.pem"

    @property
    def tls_cert(self) -> Path:
        """PEM client certificate and its issuer."""
        return self.send / "tls-cert.pem"

    @property
    def ca(self) -> Path:
        """PEM roots; the only ones the sender trusts."""
        return self.send / "ca.pem"

    @property
    def peer(self) -> Path:
        """JSON: municipality, agent (hex), mqtt and https as host:port."""
        return self.send / "peer.json"

    @property
    def inbox(self) -> Path:
        """Signed answers, at most 64 files of 8 KB."""
        return self.send / "inbox"

    @property
    def boot(self) -> Path:
        """Random bytes that change when the machine restarts."""
        return self.root / "run" / "boot"

    @property
    def starts(self) -> Path:
        """When the last runs of gather began, Unix milliseconds."""
        return self.root / "run" / "starts"
