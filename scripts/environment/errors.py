"""The one exception of the launcher: a message for the user, never a traceback."""


class SetupError(Exception):
    """Something that the user can put right; ``str(error)`` says what, where and how."""
