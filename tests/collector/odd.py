"""What a cloud may put into its answers: actions that change a document on its way."""

import json
from collections.abc import Callable
from typing import Any

from tests.edge import Rewrite


def changed(change: Callable[[Any], None]) -> Rewrite:
    """Change the answer's document in place."""

    def rewritten(body: bytes) -> bytes:
        document = json.loads(body)
        change(document)
        return json.dumps(document).encode()

    return Rewrite(rewritten)


def first_item(key: str, **values: Any) -> Rewrite:
    """Change values of the first item of a list."""

    def change(document: Any) -> None:
        for item in document[key][:1]:
            item.update(values)

    return changed(change)


def each_item(key: str, **values: Any) -> Rewrite:
    """Change values of each item of a list."""

    def change(document: Any) -> None:
        for item in document[key]:
            item.update(values)

    return changed(change)


def of_item(key: str, item_id: str, **values: Any) -> Rewrite:
    """Change values of one item of a list."""

    def change(document: Any) -> None:
        for item in document[key]:
            if item["id"] == item_id:
                item.update(values)

    return changed(change)


def document_part(key: str, **values: Any) -> Rewrite:
    """Change values of an object of the document."""
    return changed(lambda document: document[key].update(values))


def without(key: str, name: str) -> Rewrite:
    """Leave a value out of each item of a list."""

    def change(document: Any) -> None:
        for item in document[key]:
            del item[name]

    return changed(change)


def hidden(key: str, *ids: str) -> Rewrite:
    """Leave items out of a list by their ids."""

    def change(document: Any) -> None:
        document[key] = [item for item in document[key] if item["id"] not in ids]

    return changed(change)


def only(key: str, number: int) -> Rewrite:
    """Show the first items of a list, as if they were all."""

    def change(document: Any) -> None:
        document[key] = document[key][:number]
        document.pop(f"{key}_links", None)

    return changed(change)
