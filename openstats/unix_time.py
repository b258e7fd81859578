"""Time as integer Unix seconds: the lengths of an hour and a day, and the latest valid time."""

HOUR = 3600
DAY = 86_400

LATEST = 4_102_444_800
"""The first second of 2100. Larger numbers are refused: they are probably milliseconds."""
