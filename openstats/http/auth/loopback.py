"""The loopback names of this machine, by which no other machine can reach it."""

NAMES = ("127.0.0.1", "::1", "localhost")
HOSTS = frozenset(f"[{name}]" if ":" in name else name for name in NAMES)
"""The names as they appear in URLs: an IPv6 address is in brackets."""


def is_loopback(authority: str) -> bool:
    """Return whether HOST or HOST:PORT is a loopback name."""
    host = authority if authority.endswith("]") else authority.rsplit(":", 1)[0]
    return host.lower() in HOSTS
