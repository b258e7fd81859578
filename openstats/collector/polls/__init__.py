"""Polls, one module for each kind: what it asks a cloud, and what it stores of the answer."""
