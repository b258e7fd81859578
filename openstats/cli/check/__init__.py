"""``openstats check``: the checks, and the table that reports their results."""
