"""Views of the six statistics."""
