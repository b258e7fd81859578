"""Answers requests from the store; never talks to a cloud."""
