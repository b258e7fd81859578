"""Sending requests to a cloud: sessions, limits, retries, redirects, clock skew."""
