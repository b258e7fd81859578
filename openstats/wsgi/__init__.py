"""The application put together."""
