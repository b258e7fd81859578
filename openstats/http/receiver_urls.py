"""URLs of receivers: whoever posts there has a receiver's token, and may send large bodies."""

RECEIVERS = "/api/alerts/receivers/"
LARGEST = 8 * 2**20
"""Bytes of a body posted there, unpacked."""
