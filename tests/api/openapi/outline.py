"""The outline of an OpenAPI document: what clients rely on, a line each, without its prose."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from openstats.api.openapi.document import document

KEPT = Path(__file__).with_name("outline.txt")
"""The outline of the last release; ``make sample`` writes it anew."""

PROSE = {"title", "summary", "description", "examples", "example"}


def outline(described: dict[str, Any]) -> list[str]:
    """Return a line for each parameter, body and status of an operation, and for each schema."""
    lines = []
    for url, methods in described["paths"].items():
        for method, operation in methods.items():
            lines += [f"{method.upper()} {url} {line}" for line in _operation(operation)]
    for kind, components in described["components"].items():
        lines += [f"{kind} {name} {_plain(value)}" for name, value in components.items()]
    return sorted(lines)


def _operation(operation: dict[str, Any]) -> Iterator[str]:
    yield f"id {operation['operationId']}"
    for parameter in operation.get("parameters", []):
        yield f"takes {_plain(parameter)}"
    if body := operation.get("requestBody"):
        yield f"body {_plain(body)}"
    for status, response in operation["responses"].items():
        yield f"answers {status} {_plain(response)}"
    for key in ("security", "deprecated"):
        if key in operation:
            yield f"{key} {_plain(operation[key])}"


def _plain(value: Any) -> str:
    return json.dumps(_without_prose(value), sort_keys=True, ensure_ascii=False)


def _without_prose(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_prose(item) for item in value]
    if not isinstance(value, dict):
        return value
    # A property may be called "title" or "description", too; prose is text.
    kept = {k: v for k, v in value.items() if k not in PROSE or isinstance(v, dict)}
    return {key: _without_prose(item) for key, item in kept.items()}


if __name__ == "__main__":
    KEPT.write_text("\n".join([*outline(document()), ""]))
