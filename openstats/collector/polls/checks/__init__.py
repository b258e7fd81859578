"""Checks: whether what a cloud answered is complete, before a poll keeps it.

No list is taken for the whole: each is held against something else that is known of it.
"""
