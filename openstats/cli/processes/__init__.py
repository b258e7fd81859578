"""Long-running commands: startup, signals, progress and termination."""
