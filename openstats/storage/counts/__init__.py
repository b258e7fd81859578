"""Counts: how many there are, and how many were created."""
