"""Checks: whether what a cloud answered is complete, before a poll keeps it."""
