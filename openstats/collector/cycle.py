"""Waiting for the cycles of clouds, and no longer for those that are silent."""

import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from typing import Any

from openstats.clouds.connection import Connection

LOOKING = 0.2
"""Seconds between two looks whether clouds are silent."""


def wait_for(
    cycles: Mapping[str, Future[Any]],
    connections: Mapping[str, Connection],
    patience: float | None,
) -> None:
    """Wait for cycles by cloud name; not for those of clouds that were silent for ``patience``.

    Raises whatever a cycle that ended has raised.
    """
    began = time.monotonic()
    pending = set(cycles.values())
    while pending:
        _, pending = wait(pending, None if patience is None else LOOKING)
        if patience is not None:
            silent_since = time.monotonic() - patience
            heard = [
                _heard_at(connections.get(n), began) for n, c in cycles.items() if c in pending
            ]
            if all(moment < silent_since for moment in heard):
                break
    for cycle in cycles.values():
        if cycle.done():
            cycle.result()


def _heard_at(connection: Connection | None, began: float) -> float:
    """Return when a cloud answered last, or since when it is waited for."""
    return max(began, connection.in_flight.answered_at) if connection else began
