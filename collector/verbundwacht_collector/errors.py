"""What can go wrong at the collector.

CollectorError
├── ConfigError      a setting that cannot be used: file, key, value, next step; exit code 2
├── StoreError       the database is missing, newer than this program, or refuses; exit code 2
├── NotFound         nothing with this name in the reader's scope; exit code 1
├── Conflict         somebody else was faster; exit code 1
└── Refused          a request that is understood and not granted; exit code 1
"""


class CollectorError(Exception):
    """Base of all; the message says what happened and what to do next."""

    exit_code = 1


class ConfigError(CollectorError):
    """A setting cannot be used."""

    exit_code = 2


class StoreError(CollectorError):
    """The database cannot be used."""

    exit_code = 2


class NotFound(CollectorError):  # noqa: N818 - the reader's word for it
    """Nothing with this name that the reader may see."""


class Conflict(CollectorError):  # noqa: N818
    """The thing changed since it was read."""


class Refused(CollectorError):  # noqa: N818
    """Understood, and not granted."""
