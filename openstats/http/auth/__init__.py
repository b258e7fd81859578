"""Authentication of callers, and authorization by policy rules."""
