"""``openstats check``: what it tries, and the table that reports the results."""
