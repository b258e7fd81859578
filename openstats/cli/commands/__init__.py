"""Commands that ask once, and end."""
