"""``openstats check``: what is tried, and how it is said."""
