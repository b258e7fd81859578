"""When to ask which cloud, and what to keep: brings clouds, statistics and storage together."""
