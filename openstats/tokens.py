"""Tokens of receivers: made at random, and kept as a hash only."""

import hashlib
import secrets

BYTES = 32


def make_token() -> str:
    """Return a new token, too long to be guessed: a plain hash of it discloses nothing."""
    return secrets.token_urlsafe(BYTES)


def hash_token(token: str) -> str:
    """Return the hash that the configuration holds instead of a token."""
    return hashlib.sha256(token.encode()).hexdigest()
