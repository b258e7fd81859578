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


def only(key: str, number: int) -> Rewrite:
    """Show the first items of a list, as if they were all."""

    def change(document: Any) -> None:
        document[key] = document[key][:number]
        document.pop(f"{key}_links", None)

    return changed(change)
