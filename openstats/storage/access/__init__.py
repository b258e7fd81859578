"""Access: what grants allow a caller to see."""
