"""Counts of objects: how many there are, and how many were created when."""
