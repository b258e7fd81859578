"""Fixtures of ``tests.apps``, for comparison with what is served in this process."""

from tests.apps import *  # noqa: F403 (pytest looks for fixtures here)
