"""Times on the grid of a collector's ticks."""

from tests.collector.lab import Lab

GRID = 300


def aligned(lab: Lab) -> None:
    """Put the clock on the grid, and a bit."""
    lab.clock.advance(GRID - lab.clock.now % GRID + 20)
