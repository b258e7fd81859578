"""Time as everything here keeps it: whole seconds since 1970, and how many others are made of."""

HOUR = 3600
DAY = 86_400

LATEST = 4_102_444_800
"""The first second of 2100: whatever lies beyond was meant in milliseconds."""
