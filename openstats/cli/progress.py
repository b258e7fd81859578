"""Progress bars of commands that ask clouds, on standard error where that is a terminal."""

from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tqdm import tqdm


class Bars:
    """A progress bar for each kind of thing that a cloud is asked for."""

    def __init__(self) -> None:
        self._bars: dict[tuple[str, str], tqdm[Any]] = {}
        self._lock = Lock()

    def show(self, cloud: str, kind: str, done: int, total: int | None) -> None:
        """Move the bar of a cloud and a kind."""
        with self._lock:
            bar = self._bar(cloud, kind)
            bar.total = total
            bar.update(done - bar.n)

    def _bar(self, cloud: str, kind: str) -> "tqdm[Any]":
        from tqdm import tqdm

        if (cloud, kind) not in self._bars:
            label = f"{cloud} {kind}"
            # With disable=None there is a bar on a terminal only.
            self._bars[cloud, kind] = tqdm(desc=label, unit="", delay=1, leave=False, disable=None)
        return self._bars[cloud, kind]

    def close(self) -> None:
        """Take the bars off the terminal."""
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
