"""What stops a run; each message names the value and the next step."""


class LoadError(Exception):
    """The run cannot start or go on."""


class NotLoopback(LoadError):
    """The collector is somewhere else: invented hosts must never reach a real one."""


class Gone(LoadError):
    """The collector ended a connection without an answer, or was not there."""
