"""One subject's whole story, where it needs storage and statistics together. Knows no HTTP."""
