"""Entries: the rows of lists over HTTP, read in pages."""
