"""Tokens of receivers: made at random, and kept as a hash only."""

import hashlib
import secrets

BYTES = 32


def made() -> str:
    """Make a token. It is too long to be guessed, so that a plain hash of it tells nothing."""
    return secrets.token_urlsafe(BYTES)


def hashed(token: str) -> str:
    """Give what is written into the configuration instead of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
