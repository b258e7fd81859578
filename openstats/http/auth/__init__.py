"""Authentication: who calls, and what the policy allows."""
