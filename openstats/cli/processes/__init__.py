"""Commands that stay, or take long: how they start, are told things, and end."""
