"""Progress bars of commands that poll clouds, on standard error if that is a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


class Bars:
    """Progress bars, one for each cloud and kind of poll."""

    def __init__(self) -> None:
        self._bars: dict[tuple[str, str], tqdm[Any]] = {}
        self._lock = Lock()

    def show(self, cloud: str, kind: str, done: int, total: int | None) -> None:
        """Update the bar of a cloud and a kind."""
        with self._lock:
            bar = self._bar(cloud, kind)
            bar.total = total
            bar.update(done - bar.n)

    def _bar(self, cloud: str, kind: str) -> "tqdm[Any]":
        from tqdm import tqdm

        if (cloud, kind) not in self._bars:
            label = f"{cloud} {kind}"
            # disable=None shows the bar only on a terminal.
            self._bars[cloud, kind] = tqdm(desc=label, unit="", delay=1, leave=False, disable=None)
        return self._bars[cloud, kind]

    def close(self) -> None:
        """Remove the bars from the terminal."""
        for bar in self._bars.values():
            bar.close()


@contextmanager
def progress_bars() -> Iterator[Bars]:
    """Yield bars that disappear at the end."""
    bars = Bars()
    try:
        yield bars
    finally:
        bars.close()
