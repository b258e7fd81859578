"""Time zones by name; only names that mean the same on every machine."""

from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MACHINE_ZONES = {"localtime", "posixrules", "Factory"}
"""Names whose meaning depends on the machine."""


def named(name: str) -> ZoneInfo:
    """Return the time zone with a name, such as Europe/Berlin.

    Raises:
        ValueError: there is no such zone.
    """
    try:
        if name not in MACHINE_ZONES:
            return ZoneInfo(name)
    except (ZoneInfoNotFoundError, OSError, ValueError):
        pass
    raise ValueError(f"{name!r} is not the name of a time zone, such as Europe/Berlin")
