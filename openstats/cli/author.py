"""The author of writes from the command line, for the audit."""

import getpass


def author(command: str) -> str:
    """Return "COMMAND by USER", where USER is the operating system's user of this process."""
    try:
        return f"{command} by {getpass.getuser()}"
    except (OSError, KeyError):  # The user id has no name.
        return command
