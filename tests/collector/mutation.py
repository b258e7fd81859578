"""A table of everything that a cloud answers, and of what can be wrong with each answer.

``record`` makes the rows from the answers of a cycle; a ``Mutation`` makes an edge's action for a
row. ``spoiled`` holds one for a cycle. What must be true meanwhile is said in the tests.

Lists and mappings are here, single figures in ``figures``.
"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from tests.collector.lab import Lab
from tests.edge import Delay, Garbage, Record, Refuse, Rewrite, Rule, Status
from tests.edge.actions import Action

ID = r"[0-9a-f]{8}-?(?:[0-9a-f]{4}-?){3}[0-9a-f]{12}"
UNNAMED = frozenset({"marker", "changes-since", "updated_at"})
"""Parameters whose values differ from cycle to cycle."""


@dataclass(frozen=True)
class Row:
    """A place in what a cloud answers: a pattern of "METHOD URL", and keys that lead to it.

    ``body`` is an answer with it, as it was recorded.
    """

    kind: str
    pattern: str
    keys: tuple[str, ...]
    body: bytes = field(default=b"", compare=False, repr=False)

    def __str__(self) -> str:
        path = self.pattern.removeprefix("GET .*").replace(ID, "ID").replace("\\", "")
        return f"{path} {'.'.join(self.keys)}"


@dataclass(frozen=True)
class Mutation:
    """Something wrong with the rows of a kind; ``refused`` says that it must be an error."""

    name: str
    kind: str
    action: Callable[[Row], Action]
    refused: bool = True


def record(lab: Lab, *kinds: str) -> list[Row]:
    """Run a full cycle, and return a row for each list and mapping in the answers."""
    with lab.edge.during("GET", Record()) as rule:
        assert lab.cycle(*kinds, full=True) == []
        bodies = rule.action.bodies
    rows = {row: row for (_, url), body in bodies.items() for row in _lists(url, body)}
    return sorted(rows.values(), key=str)


def _lists(url: str, body: bytes) -> Iterator[Row]:
    """Yield the lists and mappings of a document: links, versions and catalogs are none."""
    for key, value in json.loads(body).items():
        if key.endswith("links") or key.startswith("version"):
            continue
        if isinstance(value, list | dict):
            yield Row("list" if isinstance(value, list) else "mapping", pattern(url), (key,), body)


def pattern(url: str) -> str:
    """Return a regular expression for "GET URL", whatever ids and times are in it."""
    parts = urlsplit(url)
    path = re.sub(ID, lambda _: ID, re.escape(parts.path).replace(r"\-", "-"))
    words = [word.partition("=") for word in parts.query.split("&") if word]
    query = [
        re.escape(f"{name}=" if name in UNNAMED else f"{name}={value}")
        for name, _, value in words
        if name != "marker"
    ]
    return f"GET .*{path}" + (rf"\?.*{'.*'.join(query)}" if query else "$")


@contextmanager
def spoiled(lab: Lab, row: Row, mutation: Mutation) -> Iterator[Rule]:
    """Hold a mutation over a row for as long as the block lasts."""
    with lab.edge.during(row.pattern, mutation.action(row)) as rule:
        yield rule


def changed(change: Callable[[dict[str, Any], str], None]) -> Callable[[Row], Action]:
    """Make an action that changes what is around a row's last key; errors pass unchanged."""

    def action(row: Row) -> Action:
        def rewritten(body: bytes) -> bytes:
            document = json.loads(body)
            place = document
            for key in row.keys[:-1]:
                place = place.get(key, {})
            if row.keys[-1] in place:
                change(place, row.keys[-1])
            return json.dumps(document).encode()

        return Rewrite(rewritten)

    return action


def cut(place: dict[str, Any], key: str) -> None:
    """Show the first half, as if that were all."""
    shown = list(place[key])[: len(place[key]) // 2]
    place[key] = {k: place[key][k] for k in shown} if isinstance(place[key], dict) else shown
    _unlink(place, key)


def empty(place: dict[str, Any], key: str) -> None:
    """Show nothing."""
    place[key] = type(place[key])()
    _unlink(place, key)


def _unlink(place: dict[str, Any], key: str) -> None:
    place.pop(f"{key}_links", None)
    place.pop("truncated", None)
    if "links" in place:
        place["links"]["next"] = None


def repeat(row: Row) -> Action:
    """Show the same page again and again, whatever marker is asked for."""
    (key,) = row.keys
    link = "http://127.0.0.1/?marker=1"
    document = json.loads(row.body) | {"links": {"next": link}}
    document |= {f"{key}_links": [{"rel": "next", "href": link}]}
    return Garbage(json.dumps(document).encode())


def null(place: dict[str, Any], key: str) -> None:
    """Show null instead of the list."""
    place[key] = None


def null_item(place: dict[str, Any], key: str) -> None:
    """Show null instead of each value of the first item, but for its id."""
    for item in place[key][:1]:
        item.update({name: None for name in item if name not in ("id", "uuid")})


def mistyped(place: dict[str, Any], key: str) -> None:
    """Show another type of value."""
    place[key] = "many" if isinstance(place[key], dict) else {"0": place[key]}


def mistyped_item(place: dict[str, Any], key: str) -> None:
    """Show a text instead of the first item."""
    place[key] = ["many", *place[key][1:]]


def overflowing_item(place: dict[str, Any], key: str) -> None:
    """Make the first item too much for any store: texts too long, numbers too large."""
    for item in place[key][:1]:
        for name, value in item.items():
            if isinstance(value, str) and name not in ("id", "uuid"):
                item[name] = value + "x" * 70_000
            elif isinstance(value, int) and not isinstance(value, bool):
                item[name] = 2**70


LISTS = (
    Mutation("cut", "list", changed(cut)),
    Mutation("empty", "list", changed(empty)),
    Mutation("repeat", "list", repeat),
    Mutation("null", "list", changed(null)),
    Mutation("null item", "list", changed(null_item)),
    Mutation("mistyped", "list", changed(mistyped)),
    Mutation("mistyped item", "list", changed(mistyped_item)),
    Mutation("overflowing item", "list", changed(overflowing_item)),
    Mutation("delay", "list", lambda _: Delay(0.01), refused=False),
    Mutation("refuse", "list", lambda _: Status(403, {}, b"{}")),
    Mutation("hang up", "list", lambda _: Refuse()),
)
"""What can be wrong with a list; not all of it matters for each: some are asked for little."""

MAPPINGS = (
    Mutation("cut mapping", "mapping", changed(cut)),
    Mutation("empty mapping", "mapping", changed(empty)),
    Mutation("null mapping", "mapping", changed(null)),
    Mutation("mistyped mapping", "mapping", changed(mistyped)),
    Mutation("delayed mapping", "mapping", lambda _: Delay(0.01), refused=False),
    Mutation("refused mapping", "mapping", lambda _: Status(403, {}, b"{}")),
    Mutation("hung up mapping", "mapping", lambda _: Refuse()),
)
"""What can be wrong with a mapping: quotas, sums, inventories and usages are such."""
