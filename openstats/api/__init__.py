"""The JSON API: answers requests from the store, and never calls a cloud."""
