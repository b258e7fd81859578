"""Time zones by the names that they have everywhere."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HERE = {"localtime", "posixrules", "Factory"}
"""Names that some machines have, each for another zone."""


def named(name: str) -> ZoneInfo:
    """Return the time zone of a name, such as Europe/Berlin.

    Raises:
        ValueError: there is none.
    """
    try:
        if name not in HERE:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        pass
    raise ValueError(f"{name!r} is not the name of a time zone, such as Europe/Berlin")
