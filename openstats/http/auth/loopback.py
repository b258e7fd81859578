"""Names of this machine by which no other machine can reach it."""

NAMES = ("127.0.0.1", "::1", "localhost")
HOSTS = frozenset(f"[{name}]" if ":" in name else name for name in NAMES)
"""The names as URLs have them: an IPv6 address stands in brackets."""


def is_loopback(authority: str) -> bool:
    """Return whether a host is this machine, with or without a port behind it."""
    host = authority if authority.endswith("]") else authority.rsplit(":", 1)[0]
    return host.lower() in HOSTS
