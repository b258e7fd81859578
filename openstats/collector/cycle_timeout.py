"""Waiting for cycles on demand, with a timeout for clouds that do not answer."""

import time
from collections.abc import Mapping
from concurrent.futures import Future, wait

from openstats.clouds.connection import Connection

CHECK_PERIOD = 0.2
"""Seconds between two checks for clouds that stopped answering."""


def wait_for(
    cycles: Mapping[str, Future[None]],
    connections: Mapping[str, Connection],
    patience: float | None,
) -> None:
    """Wait until each cycle has ended, or every remaining cloud is silent for ``patience`` seconds.

    ``cycles`` and ``connections`` have cloud names as keys. Without ``patience`` there is no
    timeout. Reraise the exception of a cycle that has ended.
    """
    began_at = time.monotonic()
    pending = set(cycles.values())
    while pending:
        _, pending = wait(pending, None if patience is None else CHECK_PERIOD)
        if patience is not None:
            names = [name for name, cycle in cycles.items() if cycle in pending]
            answered_at = [_answered_at(connections.get(name), began_at) for name in names]
            if all(moment < time.monotonic() - patience for moment in answered_at):
                break
    for cycle in cycles.values():
        if cycle.done():
            cycle.result()


def _answered_at(connection: Connection | None, began_at: float) -> float:
    """Return when a cloud last answered, but no earlier than ``began_at`` (monotonic seconds)."""
    return max(began_at, connection.in_flight.answered_at) if connection else began_at
