"""Writing to the registry over HTTP, and what is there afterwards."""

from typing import Any

from sqlalchemy import select
from webtest import TestApp

from openstats.storage.schema import tables
from openstats.storage.store import Store

MINE = "6f1c6a1e-3a0b-4c55-9a55-0d6c2b0f7a10"


def url(kind: str, uuid: str = "") -> str:
    return f"/api/{kind}/{uuid}{'/' if uuid else ''}"


def entries(api: TestApp, kind: str, query: str = "") -> dict[str, Any]:
    """Give the entries of a list by name."""
    found = api.get(f"/api/{kind}/?{query}").json[kind.replace("-", "_")]
    return {entry["name"]: entry for entry in found}


def uuid_of(api: TestApp, kind: str, name: str) -> str:
    uuid: str = entries(api, kind)[name]["uuid"]
    return uuid


def created(api: TestApp, kind: str, **fields: Any) -> dict[str, Any]:
    entry: dict[str, Any] = api.post_json(url(kind), fields, status=201).json
    return entry


def conflict(answer: Any) -> str:
    (error,) = answer.json["errors"]
    assert (error["status"], error["code"]) == (409, "openstats.registry.conflict")
    detail: str = error["detail"]
    return detail


def audited(api: TestApp) -> list[tuple[str, str, str]]:
    """Give kind, action and object of the audit, oldest first."""
    found = api.get("/api/audit/?limit=1000").json["audit"]
    return [(entry["kind"], entry["action"], entry["object"]) for entry in reversed(found)]


def rows(store: Store, table: str) -> list[Any]:
    with store.read() as db:
        return list(db.execute(select(tables.metadata.tables[table])))
