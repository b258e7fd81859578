"""Fixtures of ``tests.apps``, for whatever is tested through HTTP."""

from tests.apps import *  # noqa: F403 (pytest looks for fixtures here)
