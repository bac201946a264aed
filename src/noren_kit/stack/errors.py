"""One error type that the command line can show as a sentence instead of a traceback."""


class StackError(RuntimeError):
    """The local stack cannot go on; the message says what happened and what to do about it."""


class AlreadyRunningError(StackError):
    """Another living process holds the same data directory."""
