"""Tokens of receivers: random, and stored only as a hash."""

import hashlib
import secrets

BYTES = 32


def make_token() -> str:
    """Return a new token, too long to guess: an unsalted hash does not reveal it."""
    return secrets.token_urlsafe(BYTES)


def hash_token(token: str) -> str:
    """Return the SHA-256 hex digest of a token, which the configuration holds instead of it."""
    return hashlib.sha256(token.encode()).hexdigest()
