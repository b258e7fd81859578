"""The HTTP server: waitress with a deadline on everything that a connection may wait for."""
