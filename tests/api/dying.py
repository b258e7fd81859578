"""Receivers that die: a process that forks, for each line that it reads, one that is to be killed.

``python -m tests.api.dying STORE CONFIGURATION`` reads numbers, and answers each with ``killed`` or
``done``: at that statement of a webhook the application is ended by SIGKILL; at 0 when all is
stored, and nothing is answered yet.
"""

import os
import signal
import sys
from itertools import count
from typing import Any

from sqlalchemy import event
from webtest import TestApp

from openstats import conf
from openstats.api.app import make_app
from openstats.storage.store import Store
from tests.api.receiving import Document, sent, tell, webhook
from tests.api.world import CLOCK


def document(number: int) -> Document:
    """Make a webhook of two alerts."""
    return webhook(
        sent(f"{number} a", alertname=str(number)),
        sent(f"{number} b", 600, 60, alertname=str(number)),
    )


def _die(*_: Any) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def receive(url: str, file: str, number: int) -> None:
    """Take in a webhook, as far as the so-manieth statement."""
    store, statements = Store(url), count(1)
    app = make_app(conf.load([file]), store, clock=lambda: CLOCK)

    def counting(*_: Any) -> None:
        if next(statements) == number:
            _die()

    event.listen(store.engine, "before_cursor_execute", counting)
    tell(TestApp(app if number else (lambda *given: _die(app(*given)))), "am", document(number))


def main(url: str, file: str) -> None:
    """Fork for each line."""
    for line in sys.stdin:
        child = os.fork()
        if not child:
            receive(url, file, int(line))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
        print("killed" if killed else "done" if status == 0 else status, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
