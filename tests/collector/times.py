"""Times on the grid of readings."""

from tests.collector.lab import Lab

GRID = 300


def aligned(lab: Lab) -> None:
    """Put the clock on the grid, and a bit."""
    lab.clock.advance(GRID - lab.clock.now % GRID + 20)


def ticks(lab: Lab, number: int) -> None:
    """Run cycles without errors, one for each step of the grid."""
    for _ in range(number):
        assert lab.cycle(after=GRID) == []
