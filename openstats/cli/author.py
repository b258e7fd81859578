"""Who writes from a command line, as the audit calls it."""

import getpass


def author(command: str) -> str:
    """Return the author of a write by some kind of command: the user that runs it."""
    try:
        return f"{command} by {getpass.getuser()}"
    except (OSError, KeyError):  # A user id that the system has no name for.
        return command
