"""Polls: what each asks a cloud, and what of the answer is kept."""
