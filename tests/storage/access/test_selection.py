"""Selections: which objects a page holds, and whether more follow it."""

from dataclasses import replace

import pytest
from sqlalchemy import update

from openstats.errors import ParameterError
from openstats.model import EVERYTHING, Past, Scope, Selection
from openstats.storage.access.selection import (
    ObjectQuery,
    check_marker,
    follows,
    named,
    object_query,
    prepared_objects,
)
from openstats.storage.access.visibility import variables
from openstats.storage.schema.tables import project
from openstats.storage.store import Database
from tests.registry import NOW, site, uuids

PROJECTS = Selection("project")


@pytest.fixture(autouse=True)
def _projects(db: Database) -> None:
    """Write projects that a caller may see, and one in between that they may not."""
    alpha = site(db).project("a").project("b", customer="umbrella").project("c")
    alpha.discover()


def names(db: Database, scope: Scope, *, limit: int | None = None, marker: str = "") -> list[str]:
    after = uuids(db, "project")[marker] if marker else None
    query = object_query(scope, PROJECTS, limit=limit, marker=after)
    values = variables(scope, PROJECTS) | {"limit": limit, "marker": after}
    rows = prepared_objects(query).rows(db, values)
    return [project_name.name for _, project_name, _ in named("project", rows)]


def scope_of(db: Database, *projects: str) -> Scope:
    return Scope(frozenset(uuids(db, "project")[name] for name in projects))


def test_a_page_begins_after_its_marker_and_ends_at_its_limit(db: Database) -> None:
    assert names(db, EVERYTHING) == ["a", "b", "c"]
    assert names(db, EVERYTHING, limit=2) == ["a", "b"]
    assert names(db, EVERYTHING, limit=2, marker="b") == ["c"]


def test_a_page_holds_what_the_caller_sees(db: Database) -> None:
    scope = scope_of(db, "a", "c")
    assert names(db, scope, limit=2) == ["a", "c"]
    assert names(db, scope, marker="a") == ["c"]


@pytest.mark.parametrize(("marker", "expected"), [("a", True), ("c", False)])
def test_whether_more_follows_a_marker(db: Database, marker: str, *, expected: bool) -> None:
    uuid = uuids(db, "project")[marker]
    assert follows(db, EVERYTHING, PROJECTS, uuid) is expected
    assert follows(db, scope_of(db, "a", "c"), PROJECTS, uuid) is expected


def test_an_unseen_object_after_the_marker_does_not_count(db: Database) -> None:
    assert not follows(db, scope_of(db, "a"), PROJECTS, uuids(db, "project")["a"])


def test_only_what_the_caller_sees_is_a_marker(db: Database) -> None:
    hidden = uuids(db, "project")["b"]
    check_marker(db, EVERYTHING, PROJECTS, hidden)
    with pytest.raises(ParameterError, match=f"marker={hidden}"):
        check_marker(db, scope_of(db, "a", "c"), PROJECTS, hidden)


def test_a_deleted_object_is_a_marker_only_where_deleted_ones_are_listed(db: Database) -> None:
    deleted = uuids(db, "project")["b"]
    db.execute(update(project).where(project.c.uuid == deleted).values(deleted_at=NOW))
    past = replace(PROJECTS, since=NOW + 1)
    check_marker(db, EVERYTHING, replace(past, deleted=True), deleted)
    with pytest.raises(ParameterError, match=f"marker={deleted}"):
        check_marker(db, EVERYTHING, past, deleted)


@pytest.mark.parametrize(
    ("query", "narrowed"),
    [
        (ObjectQuery("project", everything=True), False),
        (ObjectQuery("project", everything=True, past=Past.EVER), False),
        (ObjectQuery("project", everything=True, filtered=True), True),
        (ObjectQuery("project", everything=True, after=True), True),
        (ObjectQuery("project", everything=False, limited=True), True),
    ],
)
def test_a_query_is_narrowed_by_what_leaves_out_visible_objects(
    query: ObjectQuery, *, narrowed: bool
) -> None:
    assert query.narrowed is narrowed
