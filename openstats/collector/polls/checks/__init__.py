"""Checks: whether the answers of a cloud are complete, before a poll stores them.

No list is assumed to be complete: each is compared with another source.
"""
