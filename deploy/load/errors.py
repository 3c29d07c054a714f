"""What stops a run; each message names the value and the next step."""


class LoadError(Exception):
    """The run cannot start or go on."""


class NotLoopback(LoadError):  # noqa: N818 - that is what it is
    """The collector is somewhere else: invented hosts must never reach a real one."""


class Gone(LoadError):  # noqa: N818 - that is what happened
    """The collector ended a connection without an answer, or was not there."""
