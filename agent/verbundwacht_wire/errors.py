"""What can be wrong with a message.

WireError                 carries the code under which it is counted
├── FrameError            not a frame of this profile (101 to 104)
├── SignatureInvalid      the key did not sign these bytes (108)
└── PayloadError          signed, but not what it says it is (301 to 305)
KeyUnusable               a public key that must not be trusted at all
"""

from verbundwacht_wire.codes import Code


class WireError(Exception):
    """A message that is refused; `code` says why in the shared vocabulary."""

    def __init__(self, code: Code, detail: str) -> None:
        super().__init__(f"{code.name} ({code.value}): {detail}")
        self.code = code
        self.detail = detail


class FrameError(WireError):
    """Not a frame of the profile vw/1."""


class SignatureInvalid(WireError):  # noqa: N818 - reads as the fact it states
    """The registered key did not sign these bytes."""

    def __init__(self, kid: bytes) -> None:
        super().__init__(Code.SIGNATURE, f"key {kid.hex()} did not sign this message")


class PayloadError(WireError):
    """The signature holds, the content does not."""


class KeyUnusable(Exception):  # noqa: N818 - reads as the fact it states
    """A public key of the wrong kind, or one for which anybody can make signatures."""
