"""Times as the services write and read them; inside they are Unix seconds."""

from datetime import UTC, datetime


def _utc(at: float) -> datetime:
    return datetime.fromtimestamp(at, UTC).replace(tzinfo=None)


def second_z(at: float) -> str:
    """2026-11-23T13:18:06Z, Nova's."""
    return _utc(at).isoformat(timespec="seconds") + "Z"


def micro(at: float | None) -> str | None:
    """2026-11-23T13:18:53.891160, Cinder's and Nova's extensions'; None stays."""
    return None if at is None else _utc(at).isoformat(timespec="microseconds")


def micro_z(at: float) -> str:
    """2026-11-23T13:18:53.000000Z, Keystone's."""
    return f"{_utc(at).isoformat(timespec='microseconds')}Z"


def parsed(text: str) -> float:
    """Any ISO 8601 time; without a zone it is UTC. Raises ValueError."""
    # A "+" of a zone that was not quoted arrives as a space; the one before the time may stay.
    at = datetime.fromisoformat(text[:11] + text[11:].replace(" ", "+"))
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp()
