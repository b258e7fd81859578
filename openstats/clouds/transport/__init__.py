"""How requests to a cloud are sent: sessions, bounds, retries, redirects, clocks."""
