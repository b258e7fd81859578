"""The credential that validates tokens, and tokens of callers, go to Keystone and nowhere else."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.api.door import Door, token
from tests.conftest import Sqlite
from tests.double import Double
from tests.edge import Edge, Status
from tests.foreign import Foreign
from tests.registry import site


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    with Foreign() as foreign:
        yield foreign


@pytest.fixture
def behind(sqlite: Sqlite, tmp_path: Path, edge: Edge) -> Iterator[Door]:
    """Give a door whose Keystone is asked through the edge."""
    with Double() as keystone, sqlite.store() as store:
        with store.transaction() as db:
            site(db, auth_url=keystone.auth_url).project("shop").project("blog").discover()
        yield Door(tmp_path, keystone, store)


@pytest.mark.parametrize("call", ["POST .*/auth/tokens", "GET .*/auth/tokens"])
@pytest.mark.parametrize("status", [301, 302, 307, 308])
def test_a_token_is_shown_to_keystone_only(
    behind: Door, edge: Edge, foreign: Foreign, call: str, status: int
) -> None:
    app, headers = behind.app(), behind.hand(token("reader"))
    rule = edge.rule(call, Status(status, {"Location": f"{foreign.url}/v3/auth/tokens"}))
    answer = app.get("/api/stats/quota/", headers=headers, status=503)
    assert answer.json["errors"][0]["code"] == "openstats.keystone.unavailable"
    assert rule.hits
    assert foreign.heard == b""


def test_versions_of_keystone_are_not_looked_for_elsewhere(
    behind: Door, edge: Edge, foreign: Foreign
) -> None:
    rule = edge.rule("GET .*/identity(/v3)?/?$", Status(302, {"Location": f"{foreign.url}/v3"}))
    headers = behind.hand(token("reader"))
    assert behind.app().get("/api/stats/quota/", headers=headers, status="*").status_int < 504
    assert rule.hits
    assert foreign.heard == b""


def test_groups_are_asked_of_keystone_only(behind: Door, edge: Edge, foreign: Foreign) -> None:
    behind.grant("blog", group_id="staff")
    rule = edge.rule("GET .*/groups", Status(302, {"Location": f"{foreign.url}/v3"}))
    answer = behind.app().get("/api/projects/", headers=behind.hand(token("reader")))
    assert [entry["name"] for entry in answer.json["projects"]] == ["shop"]
    assert rule.hits
    assert foreign.heard == b""
