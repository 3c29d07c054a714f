"""The fingerprint that two people compare, the same on both sides."""

from verbundwacht_wire.keys import fingerprint


def test_the_fingerprint_is_what_other_tools_compute() -> None:
    """printf ST | openssl dgst -sha256 -binary | base32"""
    assert fingerprint(b"S", b"T") == "XMPGY-5WBPD-NLUN7-3YROR-XVF27"


def test_the_fingerprint_depends_on_both_keys_and_their_order() -> None:
    others = {fingerprint(s, t) for s, t in ((b"T", b"S"), (b"S", b"X"), (b"X", b"T"))}

    assert len(others | {fingerprint(b"S", b"T")}) == 4
