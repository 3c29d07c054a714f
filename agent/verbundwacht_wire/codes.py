"""The codes by which both sides name what became of a message. Numbers are for ever."""

from enum import IntEnum


class Code(IntEnum):
    """What became of one message; 0 is "accepted". Numbers are the project's own, not HTTP's."""

    OK = 0
    TOO_LARGE = 101
    FRAME = 102
    HEADER = 103
    ALG = 104
    UNKNOWN_KEY = 105
    IDENTITY = 107
    SIGNATURE = 108
    KEY_STATE = 109
    DECRYPT = 110
    DUPLICATE = 201
    PRUNED = 202
    FORK = 203
    CLONED = 204
    GAP = 211
    LATE = 212
    CLOCK = 213
    RESTORED = 214
    DROPPED_BY_AGENT = 215
    ULEN = 301
    INFLATE = 302
    JSON = 303
    SCHEMA = 304
    LIMITS = 305
    DOWN_FRAME = 601
    DOWN_KEY = 602
    DOWN_SIGNATURE = 603
    DOWN_REPLAY = 604
    DOWN_TYPE = 605
    DOWN_BOUNDS = 606
    DOWN_RATE = 607


SILENT = frozenset(
    {
        Code.TOO_LARGE,
        Code.FRAME,
        Code.HEADER,
        Code.ALG,
        Code.UNKNOWN_KEY,
        Code.IDENTITY,
        Code.SIGNATURE,
        Code.DECRYPT,
    }
)
"""Refused before the sender is known: counted, never answered on MQTT, an empty 400 on HTTPS."""
