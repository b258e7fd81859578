"""The resource alerts over HTTP: posted, brought up to date, closed, acknowledged, and listed."""

from collections.abc import Callable
from typing import Any

import pytest
from webtest import TestApp

from openstats.storage.store import Store
from openstats.wsgi.app import make_app
from tests.api.receiving import Document, listed, loaded, sections, sent, tell, times, webhook
from tests.api.registry.writing import audited, conflict, entries, uuid_of
from tests.api.world import CLOCK, UNKNOWN, fill
from tests.registry import NOW

Api = Callable[..., TestApp]
BODY = {"severity": "Warning", "alert_type": "invoice.overdue", "message": "October"}
KINDS = {
    "customer": "customers",
    "project_group": "project-groups",
    "project": "projects",
    "tenant": "tenants",
    "cloud": "clouds",
    "instance": "instances",
}
JANE = "on_behalf_of=jane"


@pytest.fixture
def now() -> list[int]:
    return [CLOCK]


@pytest.fixture
def api(store: Store, now: list[int], tmp_path: Any) -> TestApp:
    """Give a client of the application on a filled store of the test's own, and with ``now``."""
    with store.transaction() as db:
        fill(db)
    known = loaded(tmp_path / "c.conf", sections(am={}))
    return TestApp(make_app(known, store, clock=lambda: now[0]))


def post(api: TestApp, status: int = 201, **fields: Any) -> Any:
    return api.post_json("/api/alerts/", BODY | fields, status=status)


def mine(api: TestApp, query: str = "") -> list[Document]:
    """Give what somebody posted."""
    return listed(api, f"source=api&{query}")


def test_an_alert_from_creation_to_closing(api: TestApp, now: list[int]) -> None:
    made = post(api)
    entry, place = made.json, made.headers["Location"]
    assert entry == BODY | {
        "uuid": entry["uuid"],
        "scope": None,
        "created_at": CLOCK,
        "closed_at": None,
        "acknowledged": False,
        "source": "api",
        "labels": {},
    }
    assert place.endswith(f"/api/alerts/{entry['uuid']}/")
    assert api.get(place).json == entry
    now[0] += 60
    again = post(api, 200, severity="Error", message="November")
    assert again.json == entry | {"severity": "Error", "message": "November"}
    assert "Location" not in again.headers
    known = api.post(f"{place}acknowledge/").json
    assert known == again.json | {"acknowledged": True}
    closed = api.post(f"{place}close").json
    assert closed == known | {"closed_at": now[0]}
    assert api.get(place).json == closed
    # The next one is another.
    assert post(api).json["uuid"] != entry["uuid"]
    assert [kind for kind, *_ in audited(api)] == ["alert"] * 5
    actions = [(action, uuid == entry["uuid"]) for _, action, uuid in audited(api)]
    assert actions == [("create", True), *[("change", True)] * 3, ("create", False)]
    change = api.get("/api/audit/?kind=alert&action=change").json["audit"][0]
    assert (change["before"], change["after"], change["who"]) == (known, closed, "noauth")


def test_repeated_action_is_a_conflict(api: TestApp, now: list[int]) -> None:
    place = post(api).headers["Location"]
    for action, done in (("acknowledge", "acknowledged"), ("close", "closed")):
        api.post(f"{place}{action}/")
        now[0] += 60
        detail = conflict(api.post(f"{place}{action}/", status=409))
        assert detail == f"the alert was {done} at {now[0] - 60}"
    # What is over may still be taken note of.
    other = post(api, alert_type="other").headers["Location"]
    api.post(f"{other}close/")
    assert api.post(f"{other}acknowledge/").json["acknowledged"]
    assert len(audited(api)) == 6


def test_one_alert_is_open_for_each_scope_and_type(api: TestApp) -> None:
    acme = uuid_of(api, "customers", "acme")
    scope = {"scope": {"customer": acme}}
    uuids = {
        post(api).json["uuid"],
        post(api, alert_type="other").json["uuid"],
        post(api, **scope).json["uuid"],
        post(api, alert_type="other", **scope).json["uuid"],
    }
    assert len(uuids) == 4
    spelled = {"scope": {"customer": acme.replace("-", "").upper()}}
    assert post(api, 200, **spelled).json["uuid"] in uuids
    assert len(mine(api)) == 4


@pytest.mark.parametrize("kind", KINDS)
def test_an_alert_can_be_posted_about_an_object_of_each_kind(api: TestApp, kind: str) -> None:
    entry = next(iter(entries(api, KINDS[kind]).values()))
    scope = {kind: entry["uuid"]}
    made = post(api, scope=scope).json
    assert made["scope"] == scope
    assert mine(api, f"{kind}={entry['uuid']}") == [made]
    assert mine(api, f"{kind}={UNKNOWN}") == []


@pytest.mark.parametrize("kind", KINDS)
def test_an_alert_about_an_unknown_object_is_a_conflict(api: TestApp, kind: str) -> None:
    detail = conflict(post(api, 409, scope={kind: UNKNOWN}))
    assert detail == f"scope: {kind.replace('_', ' ')} {UNKNOWN} not found"
    assert mine(api) == audited(api) == []


def test_action_on_an_unknown_alert_is_404(api: TestApp) -> None:
    for action in ("close", "acknowledge"):
        api.post(f"/api/alerts/{UNKNOWN}/{action}/", status=404)
        api.post(f"/api/alerts/x/{action}/", status=400)
        api.post(f"/api/alerts/{UNKNOWN}/{action}/?x=1", status=400)
    api.post(f"/api/alerts/{UNKNOWN}/open/", status=404)
    assert api.get(f"/api/alerts/{UNKNOWN}/close/", status=405).headers["Allow"] == "POST"


def test_an_alert_may_begin_in_the_past_but_not_in_the_future(api: TestApp, now: list[int]) -> None:
    assert post(api, created_at=NOW - 500).json["created_at"] == NOW - 500
    # No clock but ours is ahead.
    assert post(api, alert_type="x", created_at=NOW + 500).json["created_at"] == CLOCK
    now[0] = NOW - 1000
    place = post(api, 200, created_at=NOW - 500).json["uuid"]
    assert api.post(f"/api/alerts/{place}/close/").json["closed_at"] == NOW - 500


def test_repeated_post_may_carry_another_date(api: TestApp, now: list[int]) -> None:
    made = post(api, created_at=CLOCK + 5).json
    now[0] += 60
    assert post(api, 200, created_at=now[0]).json == made


def test_stale_etag_is_refused(api: TestApp) -> None:
    made = post(api)
    place, tag = made.headers["Location"], {"If-Match": made.headers["ETag"]}
    api.post(f"{place}acknowledge/", headers={"If-Match": '"other"'}, status=412)
    api.post(f"{place}acknowledge/", headers=tag)
    api.post(f"{place}close/", headers=tag, status=412)
    api.post_json("/api/alerts/", BODY, headers=tag, status=412)
    assert api.get(place).json["closed_at"] is None
    tag = {"If-Match": api.get(place).headers["ETag"]}
    closed = api.post(f"{place}close/", headers=tag)
    assert closed.headers["ETag"] == api.get(place).headers["ETag"]


def test_actions_from_another_origin_are_refused(api: TestApp) -> None:
    place = post(api).headers["Location"]
    foreign = {"Origin": "https://evil.example"}
    for action in ("close", "acknowledge"):
        api.post(f"{place}{action}/", headers=foreign, status=403)
    assert len(audited(api)) == 1


def test_a_receivers_alert_closed_by_hand_reopens_if_it_still_fires(
    api: TestApp, now: list[int]
) -> None:
    tell(api, "am", webhook(sent()))
    (entry,) = listed(api, "source=am")
    closed = api.post(f"/api/alerts/{entry['uuid']}/close/").json
    assert closed["closed_at"] == CLOCK
    tell(api, "am", webhook(sent(), sent(end=60)))
    assert [e["closed_at"] for e in listed(api, "source=am")] == [CLOCK]
    # What fires still, and was not over, is open again.
    now[0] += 4 * 3600
    tell(api, "am", webhook(sent()))
    assert [e["closed_at"] for e in listed(api, "source=am")] == [None]


# -- the list


def test_alerts_are_listed_newest_first(api: TestApp) -> None:
    for number in range(3):
        post(api, alert_type=str(number), created_at=NOW - 10 * number)
    assert [entry["alert_type"] for entry in mine(api)] == ["0", "1", "2"]
    found = [entry["created_at"] for entry in listed(api)]
    assert found == sorted(found, reverse=True)
    assert times(api)


FILTERS = {
    "severity=Warning": {"type1", "invoice.overdue"},
    "source=prometheus": {"type0", "type1", "type2", "type3"},
    "source=api": {"invoice.overdue"},
    "alert_type=type2": {"type2"},
    "opened=false": {"type1"},
    "opened=true&source=prometheus": {"type0", "type2", "type3"},
    "acknowledged=true": {"invoice.overdue"},
    "acknowledged=false&opened=false": {"type1"},
    f"to={NOW - 3599}": {"type0"},
    f"from={NOW - 1000}&to={NOW}": {"type0", "type1", "type2", "type3"},
    f"from={NOW - 999}&to={NOW}": {"type0", "type2", "type3"},
    f"from={CLOCK}": {"type0", "type2", "type3", "invoice.overdue"},
}


@pytest.mark.parametrize(("query", "types"), FILTERS.items())
def test_each_filter_selects_its_alerts(api: TestApp, query: str, types: set[str]) -> None:
    api.post(f"{post(api).headers['Location']}acknowledge/")
    assert {entry["alert_type"] for entry in listed(api, query)} == types


def test_a_filter_by_owner_selects_alerts_on_and_below_it(api: TestApp) -> None:
    def below(kind: str, name: str) -> set[str]:
        uuid = uuid_of(api, KINDS[kind], name)
        return {entry["alert_type"] for entry in listed(api, f"{kind}={uuid}")}

    assert below("customer", "acme") == below("project", "shop") == {"type0"}
    assert below("project_group", "web") == below("project_group", "db") == {"type0"}
    assert below("customer", "umbrella") == below("tenant", "lab") == {"type1"}
    assert below("cloud", "alpha:one") == {"type1", "type2"}
    assert below("cloud", "alpha:two") == below("project", "blog") == set()


# -- who sees what


GRANTS: dict[str, tuple[str, str, str, set[str]]] = {
    "an owner": (
        "owner",
        "customer",
        "acme",
        {"customer", "group", "project", "tenant", "instance"},
    ),
    "a group's manager": (
        "manager",
        "project_group",
        "web",
        {"group", "project", "tenant", "instance"},
    ),
    "a project's admin": ("admin", "project", "shop", {"project", "tenant", "instance"}),
    "a cloud's admin": ("admin", "cloud", "alpha:one", {"tenant", "instance"}),
    "somebody else": ("owner", "customer", "umbrella", set()),
}


@pytest.mark.parametrize(("role", "kind", "name", "seen"), GRANTS.values(), ids=GRANTS)
def test_a_member_sees_no_alert_outside_its_scope(
    api: TestApp, role: str, kind: str, name: str, seen: set[str]
) -> None:
    one = uuid_of(api, "clouds", "alpha:one")
    (tenant,) = api.get(f"/api/tenants/?name=shop&cloud={one}").json["tenants"]
    (instance, *_) = api.get(f"/api/instances/?tenant={tenant['uuid']}").json["instances"]
    scopes = {
        "customer": {"customer": uuid_of(api, "customers", "acme")},
        "group": {"project_group": uuid_of(api, "project-groups", "web")},
        "project": {"project": uuid_of(api, "projects", "shop")},
        "tenant": {"tenant": tenant["uuid"]},
        "instance": {"instance": instance["uuid"]},
        "cloud": {"cloud": one},
        "nothing": None,
    }
    made = {key: post(api, alert_type=key, scope=scope).json for key, scope in scopes.items()}
    scope = {kind: uuid_of(api, KINDS[kind], name)}
    api.post_json("/api/grants/", {"subject": "jane", "role": role, "scope": scope})
    assert {entry["alert_type"] for entry in mine(api, JANE)} == seen
    for key, entry in made.items():
        place = f"/api/alerts/{entry['uuid']}/?{JANE}"
        found = api.get(place, status=200 if key in seen else 404)
        if key in seen:
            assert found.json == {name: entry[name] for name in entry if name != "labels"}
        api.post(f"/api/alerts/{entry['uuid']}/close/?{JANE}", status=403)
        for query in (
            f"uuid={entry['uuid']}",
            f"alert_type={key}",
            "severity=Warning",
            *_of(scopes[key]),
        ):
            assert {e["alert_type"] for e in mine(api, f"{query}&{JANE}")} <= seen, query
    counted = api.get(f"/api/stats/alert/?to={CLOCK + 1}&{JANE}").json["Warning"]
    others = sum(
        entry["severity"] == "Warning" for entry in listed(api, f"source=prometheus&{JANE}")
    )
    assert counted == len(seen) + others
    assert api.get(f"/api/stats/alert/?to={CLOCK + 1}&on_behalf_of=nobody").json["Warning"] == 0
    api.get(f"/api/alerts/receivers/?{JANE}", status=403)


def _of(scope: dict[str, str] | None) -> list[str]:
    return [f"{kind}={uuid}" for kind, uuid in (scope or {}).items()]
