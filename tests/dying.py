"""Sudden deaths: work in processes of their own, which are killed on the way.

``killing`` starts a module that ends in ``forking``; each line that the one writes to the other is
work for a fork, which may kill itself with ``die`` at any place.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

from sqlalchemy import Engine, event


def die(*_: Any) -> None:
    """End this process as a power cut does."""
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(engine: Engine, number: int) -> None:
    """End this process before the so-manieth statement from now on."""
    statements = count(1)

    def counting(*_: Any) -> None:
        if next(statements) == number:
            die()

    event.listen(engine, "before_cursor_execute", counting)


def forking(work: Callable[..., None]) -> None:
    """Do the work in a fork for each line read, with its words; answer ``killed`` or ``done``."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            work(*line.split())
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else "done" if status == 0 else status, flush=True)


@contextmanager
def killing(module: str, *arguments: str) -> Iterator[Callable[..., bool]]:
    """Run such a module; yield what sends it a line and returns whether the work was killed."""
    quiet = os.environ | {"PYTHONWARNINGS": "ignore"}
    with subprocess.Popen(
        [sys.executable, "-m", module, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=quiet,
    ) as process:
        assert process.stdin
        assert process.stdout
        into, out = process.stdin, process.stdout

        def killed(*words: object) -> bool:
            into.write(" ".join(map(str, words)) + "\n")
            into.flush()
            answer = out.readline().strip()
            assert answer in {"killed", "done"}
            return answer == "killed"

        yield killed
        into.close()
