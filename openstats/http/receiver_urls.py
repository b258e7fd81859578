"""URLs of receivers. Requests to them have a receiver's token, and may have larger bodies."""

RECEIVERS = "/api/alerts/receivers/"
MAX_BYTES = 8 * 2**20
"""Maximum size of a body posted there, in bytes."""
