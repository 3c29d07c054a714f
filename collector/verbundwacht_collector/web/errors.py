"""What a page can run into, besides Conflict, Refused and NotFound of the collector.

CollectorError
├── InputError      a form field cannot be used; becomes a message at the field
├── StreamLimitError  one person has too many streams of news open
└── AssetError      the third-party files are missing; the pages do not start, exit code 2
"""

from verbundwacht_collector.errors import CollectorError


class InputError(CollectorError):
    """A field's content cannot be used; `field` is the form's, the message in its language."""

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class AssetError(CollectorError):
    """The folder static/vendor is missing or incomplete."""

    exit_code = 2


class StreamLimitError(CollectorError):
    """One person has as many streams of news open as one person may."""
