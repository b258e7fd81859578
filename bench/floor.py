"""The floor: the same bytes through the bare driver, and the same arithmetic in numpy, no more.

What openstats takes is divided by it, so that neither the machine nor its load matters. Nothing
of openstats is used here.
"""

import json
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from typing import Any

import numpy as np

FLOAT = np.dtype("<f8")

AROUND = """
WITH moment AS (SELECT value FROM json_each(:edges)),
wanted AS (
    SELECT (SELECT max(at) FROM reading
            WHERE cloud_id = 1 AND meter = :meter AND at <= value) AS at FROM moment
    UNION
    SELECT (SELECT min(at) FROM reading
            WHERE cloud_id = 1 AND meter = :meter AND at >= value) FROM moment)
SELECT at, {totals}, {weights} FROM reading JOIN wanted USING (at)
WHERE cloud_id = 1 AND meter = :meter ORDER BY at
"""
WHOLE = AROUND.format(totals="totals", weights="substr(weights, 1, 8)")
ONE_SLOT = AROUND.format(totals="substr(totals, :first, 8)", weights="substr(weights, 1, 8)")

MEMBERS = """
SELECT tenant.id, tenant.cloud_id, coalesce(tenant.slot, 0), project.customer_id,
       tenant.project_since, project.customer_since
FROM tenant JOIN project ON project.id = tenant.project_id
"""

LAST = """
SELECT totals, weights FROM reading WHERE cloud_id = 1 AND meter = ? ORDER BY at DESC LIMIT 1
"""
SERVERS = """
SELECT tenant.slot, sum(vcpus), sum(ram), sum(disk) FROM instance
JOIN tenant ON tenant.id = instance.tenant_id WHERE instance.cloud_id = 1 GROUP BY tenant.slot
"""
VOLUMES = """
SELECT tenant.slot, gigabytes FROM volume_use JOIN tenant ON tenant.id = volume_use.tenant_id
"""
APPEND = (
    "INSERT INTO reading (cloud_id, meter, at, kept, totals, weights) VALUES (1, ?, ?, 0, ?, ?)"
)
CURSOR = "INSERT OR REPLACE INTO meter_cursor (cloud_id, source, content) VALUES (1, 'floor', ?)"

ALERTS = {
    # The rows that belong to a batch of alerts, in the order in which they can be written.
    "alert": "source = :source AND fingerprint LIKE :batch",
    "alert_episode": "source = :source AND fingerprint LIKE :batch",
    "alert_group": "alert_id IN (SELECT id FROM alert WHERE source = :source "
    "AND fingerprint LIKE :batch)",
}


class Floor:
    """The embedded store, opened by the driver alone."""

    def __init__(self, path: str) -> None:
        self.db = sqlite3.connect(path, isolation_level=None)
        self.db.execute("PRAGMA cache_size = -8000")
        self.db.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        """Close the connection."""
        self.db.close()

    def usage(self, meter: str, edges: Sequence[int], slots: Any, owners: Any) -> Any:
        """Return the time-mean of each owner in each piece: a row for each piece."""
        single = len(slots) == 1
        values = {"meter": meter, "edges": json.dumps(list(edges))}
        values |= {"first": 1 + int(slots[0]) * FLOAT.itemsize} if single else {}
        with closing(self.db.execute(ONE_SLOT if single else WHOLE, values)) as cursor:
            at, totals, clocks = zip(*cursor, strict=True)
        held = np.frombuffer(b"".join(totals), FLOAT).reshape(len(at), -1)
        held = held if single else held[:, slots]
        clock = np.frombuffer(b"".join(clocks), FLOAT)
        gained = np.diff(_at(edges, np.array(at), held), axis=0)
        passed = np.diff(_at(edges, np.array(at), clock[:, None]), axis=0)
        sums = np.zeros((len(edges) - 1, int(owners.max()) + 1))
        np.add.at(sums, (slice(None), owners), gained)
        return (sums / passed).round(6)

    def members(self) -> Any:
        """Return the slots of each customer, by the order of names."""
        with closing(self.db.execute("SELECT id, uuid, name FROM customer ORDER BY 3, 2")) as names:
            ids = np.array([row[0] for row in names])
        with closing(self.db.execute(MEMBERS)) as rows:
            table = np.array(rows.fetchall(), np.int64)
        order = np.argsort(ids)
        owners = order[np.searchsorted(ids[order], table[:, 3])]
        return table[np.lexsort((owners, table[:, 1])), 2], np.sort(owners)

    def tick(self, meters: Sequence[str], at: int, seconds: int, cursor: str) -> None:
        """Add what tenants hold to the totals of three meters, in one transaction."""
        self.db.execute("BEGIN IMMEDIATE")
        with closing(self.db.execute(SERVERS)) as rows:
            servers = np.array(rows.fetchall(), np.int64)
        with closing(self.db.execute(VOLUMES)) as rows:
            rows.fetchall()
        for column, meter in enumerate(meters, 1):
            with closing(self.db.execute(LAST, (meter,))) as last:
                totals, weights = (np.frombuffer(part, FLOAT).copy() for part in last.fetchone())
            totals[servers[:, 0]] += servers[:, column] * seconds
            weights += seconds
            self.db.execute(APPEND, (meter, at, totals.tobytes(), weights.tobytes()))
        self.db.execute(CURSOR, (cursor,))
        self.db.execute("COMMIT")

    def taken_out(self, source: str, batch: str) -> dict[str, list[tuple[Any, ...]]]:
        """Delete a batch of alerts with all that belongs to it, and return the rows."""
        values = {"source": source, "batch": f"{batch}%"}
        rows = {
            table: self.db.execute(f"SELECT * FROM {table} WHERE {which}", values).fetchall()
            for table, which in ALERTS.items()
        }
        self.db.execute("BEGIN IMMEDIATE")
        for table in reversed(ALERTS):
            self.db.execute(f"DELETE FROM {table} WHERE {ALERTS[table]}", values)
        self.db.execute("COMMIT")
        return rows

    def put_back(self, rows: dict[str, list[tuple[Any, ...]]]) -> None:
        """Write rows that were taken out, in one transaction."""
        self.db.execute("BEGIN IMMEDIATE")
        for table, found in rows.items():
            if found:
                marks = ", ".join("?" * len(found[0]))
                self.db.executemany(f"INSERT INTO {table} VALUES ({marks})", found)
        self.db.execute("COMMIT")


def _at(edges: Sequence[int], at: Any, vectors: Any) -> Any:
    """Return vectors at the edges, linear between two readings."""
    later = np.searchsorted(at, edges).clip(0, len(at) - 1)
    earlier = np.where(at[later] > edges, later - 1, later).clip(0)
    width = np.maximum(at[later] - at[earlier], 1)
    share = ((np.array(edges) - at[earlier]) / width)[:, None]
    return vectors[earlier] + (vectors[later] - vectors[earlier]) * share
