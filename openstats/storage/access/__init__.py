"""Access: what grants let a caller see."""
