"""Time zones, by names that mean the same on every machine."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

HERE = {"localtime", "posixrules", "Factory"}
"""Names that mean another zone on each machine."""


def named(name: str) -> ZoneInfo:
    """Return the time zone of a name, such as Europe/Berlin.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        if name not in HERE:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        pass
    raise ValueError(f"{name!r} is not the name of a time zone, such as Europe/Berlin")
