"""Receivers that die: a process that forks, for each line that it reads, one that is to be killed.

``python -m tests.api.dying STORE CONFIGURATION`` reads numbers, and answers each with ``killed`` or
``done``: at that statement of a webhook the application is ended by SIGKILL; at 0 when all is
stored, and nothing is answered yet.
"""

import sys
from functools import partial

from webtest import TestApp

from openstats import conf
from openstats.storage.store import Store
from openstats.wsgi.app import make_app
from tests.api.receiving import Document, sent, tell, webhook
from tests.api.world import CLOCK
from tests.dying import die, die_at, forking


def document(number: int) -> Document:
    """Make a webhook of two alerts."""
    return webhook(
        sent(f"{number} a", alertname=str(number)),
        sent(f"{number} b", 600, 60, alertname=str(number)),
    )


def receive(url: str, file: str, number: str) -> None:
    """Take in a webhook, as far as the so-manieth statement."""
    store, at = Store(url), int(number)
    app = make_app(conf.load([file]), store, clock=lambda: CLOCK)
    die_at(store.engine, at)
    tell(TestApp(app if at else (lambda *given: die(app(*given)))), "am", document(at))


if __name__ == "__main__":
    forking(partial(receive, *sys.argv[1:]))
