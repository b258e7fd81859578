"""What the user sees of a long run: one line a step, with its seconds."""

from __future__ import annotations

import contextlib
import sys
import time
from collections.abc import Iterator


@contextlib.contextmanager
def step(text: str) -> Iterator[None]:
    """Announce a step, and say how long it took when it is over."""
    print(f"devcloud: {text} ... ", end="", file=sys.stderr, flush=True)
    start = time.monotonic()
    outcome = "failed after "
    try:
        yield
        outcome = ""
    finally:
        print(f"{outcome}{time.monotonic() - start:.1f} s", file=sys.stderr, flush=True)


def say(text: str) -> None:
    print(f"devcloud: {text}", file=sys.stderr, flush=True)
