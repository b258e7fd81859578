"""The server: waitress with bounds on whatever anybody may wait for."""
