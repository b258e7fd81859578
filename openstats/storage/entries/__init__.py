"""Entries: what lists over HTTP show, a page at a time."""
