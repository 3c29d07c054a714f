"""What can be wrong with an evidence file before anything in it can be checked."""

from verbundwacht_collector.errors import CollectorError


class Unreadable(CollectorError):  # noqa: N818 - it is the file's property
    """Not an evidence file, one of another version, or larger than is read; exit code 2."""

    exit_code = 2
