"""Rows of an installation's store."""

from typing import Any

from tests.cli.installation import Installation


def sql(installed: Installation, statement: str) -> list[Any]:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(installed.store)) as store, store:
        return store.execute(statement).fetchall()
