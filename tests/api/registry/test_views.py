"""What all resources of the registry share: pages, filters, caching, and what is refused."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, BrokenBarrierError
from typing import Any

import pytest
from webtest import TestApp

from openstats.api.routes import RESOURCES
from openstats.http import answer
from openstats.model import Inventory, Provider
from openstats.storage.inventory import resource_providers
from openstats.storage.registry import clouds
from openstats.storage.store import Store
from tests.api.world import READ, UNKNOWN, fill
from tests.conftest import Sqlite
from tests.registry import KEYSTONE, NOW, site

NAMES = [resource.name for resource in RESOURCES]
WRITABLE = [resource for resource in RESOURCES if resource.bodies]
BODIES: dict[str, dict[str, Any]] = {
    "customers": {"name": "x"},
    "project-groups": {"name": "x", "customer": UNKNOWN},
    "projects": {"name": "x", "customer": UNKNOWN},
    "tenants": {"project": None},
    "clouds": {"name": "x"},
    "alerts": {"severity": "Error", "alert_type": "x", "message": "y"},
    "grants": {"subject": "x", "role": "owner", "scope": {"customer": UNKNOWN}},
}
VARY = "X-Auth-Token, Authorization, Cookie, Accept, Origin"


@pytest.fixture(scope="module")
def bare(sqlite: Sqlite, app_on: Callable[[Store], Any]) -> Iterator[TestApp]:
    """Give a client of an empty store, for what is refused whatever there is."""
    with sqlite.store() as store:
        yield TestApp(app_on(store))


@pytest.fixture
def full(writable_app: TestApp, store: Store) -> TestApp:
    """Give a client of a store in which each list has an entry at least."""
    with store.transaction() as db:
        fill(db)
    acme = uuid_of(writable_app, "customers", "acme")
    writable_app.post_json(
        "/api/grants/", {"user_id": "u", "role": "owner", "scope": {"customer": acme}}
    )
    writable_app.patch_json(f"/api/customers/{acme}", {"name": "acme"})
    return writable_app


def listed(api: TestApp, kind: str, query: str = "") -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = api.get(f"/api/{kind}/?{query}").json[kind.replace("-", "_")]
    return found


def uuid_of(api: TestApp, kind: str, name: str) -> str:
    (uuid,) = [entry["uuid"] for entry in listed(api, kind) if entry["name"] == name]
    return str(uuid)


def error(answer: Any) -> tuple[int, str]:
    """Give status and code of the error document, whose form is checked."""
    (found, *_) = answer.json["errors"]
    assert set(found) == {"status", "code", "title", "detail", "request_id"}
    assert answer.status_int == found["status"]
    assert found["detail"].isprintable()
    assert answer.headers["Cache-Control"] == "no-store"
    return found["status"], found["code"].removeprefix("openstats.")


def test_entries_are_shown_as_they_are_listed(full: TestApp) -> None:
    for kind in NAMES:
        entries = listed(full, kind)
        assert entries, kind
        for entry in entries:
            dashed = entry["uuid"]
            for spelled in (dashed, dashed.replace("-", ""), dashed.upper()):
                for slash in ("", "/"):
                    assert full.get(f"/api/{kind}/{spelled}{slash}").json == entry
        assert full.get(f"/api/{kind}").json == full.get(f"/api/{kind}/").json


def test_fields(full: TestApp) -> None:
    own = {"uuid", "name"}
    assert {kind: set(listed(full, kind)[0]) for kind in NAMES} == {
        "customers": own | {"created_at"},
        "project-groups": own | {"created_at", "customer", "projects"},
        "projects": own | {"created_at", "customer", "project_groups"},
        "tenants": own
        | {"cloud", "tenant_id", "project", "enabled", "deleted_at", "collected_at", "quota"},
        "clouds": own
        | {"auth_url", "region", "last_polled_at", "last_error"}
        | {
            "source",
            "capacity",
            "resource_classes",
            "availability_zones",
            "disk_shared",
            "left_aside",
            "shared_services",
        }
        | {"quota", "meters", "left_aside", "hosts"},
        "instances": own | {"tenant", "status", "vcpus", "ram", "disk", "created_at"},
        "alerts": {"uuid", "severity", "alert_type", "message", "scope", "created_at"}
        | {"closed_at", "acknowledged", "source", "labels"},
        "grants": {"uuid", "user_id", "role", "scope"},
        "audit": {"uuid", "at", "who", "action", "kind", "object", "before", "after"}
        | {"request_id"},
    }


def test_quotas_of_a_tenant(full: TestApp) -> None:
    (blog,) = listed(full, "tenants", "name=blog")
    assert blog["quota"]["vcpu"] == {"limit": -1, "in_use": 5}
    assert blog["quota"]["ram"] == {"limit": 1024, "in_use": 0}
    assert blog["collected_at"] == NOW
    (admin,) = listed(full, "tenants", "name=admin")
    assert admin["quota"]["storage"] == {"limit": None, "in_use": None}
    assert admin["collected_at"] is None


def test_quotas_of_a_tenant_by_volume_type(full: TestApp) -> None:
    found = {
        (entry["name"], entry["cloud"]): entry["quota"]["volume_types"]
        for entry in listed(full, "tenants")
    }
    one = listed(full, "clouds", "region=one")[0]["uuid"]
    none = {"limit": -1, "in_use": 0}
    assert found.pop(("shop", one)) == {
        "fast": {
            "volumes": {"limit": -1, "in_use": 2},
            "snapshots": {"limit": 5, "in_use": 0},
            "storage": {"limit": 10240, "in_use": 2048},
        },
        "__DEFAULT__": dict.fromkeys(("volumes", "snapshots", "storage"), none),
    }
    assert list(found.values()) == [{}] * 4


def test_figures_of_a_cloud(full: TestApp) -> None:
    one, two = listed(full, "clouds")
    assert one["source"] == "nova"
    assert one["capacity"] == {
        "vcpus": 64,
        "vcpus_used": 4,
        "memory_mb": 516588,
        "memory_mb_used": 6144,
        "free_ram_mb": 510444,
        "free_disk_gb": 14,
        "collected_at": NOW - 10,
    }
    # shop has 2, lab 8, and blog no limit; admin is nobody's.
    assert one["quota"]["vcpu"] == {"limited": 10, "unlimited": 1, "in_use": 6}
    assert two["quota"]["vcpu"] == {"limited": 8, "unlimited": 0, "in_use": 0}
    known = {(meter["item"], meter["basis"]): meter["complete_until"] for meter in one["meters"]}
    assert known[("memory", "allocated")] == READ
    assert ("memory", "used") not in known


def test_cloud_shows_its_capacity_by_class_and_zone(full: TestApp, store: Store) -> None:
    held = Inventory("VCPU", 8, 1, 1.5, 3)
    found = [
        Provider("u1", "node1", "u1", 1, False, (held,), NOW, zone="north"),
        Provider("u2", "node2", "u2", 1, False, (held,), NOW),
    ]
    with store.transaction() as db:
        resource_providers.record(db, clouds.clouds(db)[0], found, NOW)
    one, two = listed(full, "clouds")
    north = {"total": 8, "reserved": 1, "used": 3, "allocation_ratio": 1.5, "effective": 10}
    whole = {"total": 16, "reserved": 2, "used": 6, "allocation_ratio": 1.5, "effective": 20}
    assert one["resource_classes"] == {"VCPU": whole}
    assert one["availability_zones"] == {"north": {"VCPU": north}}
    assert one["disk_shared"] is False
    assert (two["resource_classes"], two["availability_zones"], two["disk_shared"]) == (
        {},
        {},
        None,
    )


def test_a_cloud_that_was_never_polled_has_no_figures(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        site(db)
    (new,) = listed(writable_app, "clouds")
    assert (new["source"], new["capacity"], new["quota"], new["meters"]) == (None, None, {}, [])
    assert (new["resource_classes"], new["availability_zones"]) == ({}, {})


def test_the_newest_error_of_a_cloud(full: TestApp, store: Store) -> None:
    (one,) = listed(full, "clouds", "region=one")
    assert (one["auth_url"], one["last_error"]) == (KEYSTONE, None)
    assert one["last_polled_at"] == NOW - 20
    with store.transaction() as db:
        for at, kind in enumerate(("quotas", "capacity", "discovery")):
            db.exec_driver_sql(
                f"UPDATE job SET error = '{kind} failed', error_at = {at} WHERE kind = '{kind}'"
            )
    assert listed(full, "clouds")[0]["last_error"] == "discovery failed"


@pytest.mark.parametrize("limit", [1, 2, 3, 1000])
def test_pages_to_the_end(full: TestApp, limit: int) -> None:
    for name in ("b", "a", "a", "c", "B", "ä", " "):
        full.post_json("/api/customers/", {"name": f"x{name}"})
    for kind in NAMES:
        key, whole = kind.replace("-", "_"), full.get(f"/api/{kind}/?limit=1000").json
        assert "links" not in whole
        found, href = [], f"/api/{kind}/?limit={limit}"
        while href:
            page = full.get(href).json
            assert 0 < len(page[key]) <= limit
            found += page[key]
            links = page.get("links", [{"rel": "next", "href": ""}])
            ((href),) = [link["href"] for link in links if link["rel"] == "next"]
        assert found == whole[key]


def test_the_order_of_a_list(full: TestApp) -> None:
    for _ in range(3):
        full.post_json("/api/customers/", {"name": "same"})
    same = [entry["uuid"] for entry in listed(full, "customers", "name=same")]
    assert same == sorted(same)
    kinds = [entry["action"] for entry in listed(full, "audit")]
    assert kinds == ["create", "create", "create", "create"]


def test_a_page_keeps_what_was_asked(full: TestApp) -> None:
    for _ in range(3):
        full.post_json("/api/customers/", {"name": "a&b c"})
    page = full.get("/api/customers/?name=a%26b+c&limit=2").json
    (link,) = page["links"]
    following = full.get(link["href"]).json
    assert [entry["name"] for entry in following["customers"]] == ["a&b c"]
    assert "links" not in following


def test_a_marker_has_to_be_there(full: TestApp) -> None:
    for kind in NAMES:
        answer = full.get(f"/api/{kind}/?marker={UNKNOWN}", status=400)
        assert error(answer) == (400, "parameter.invalid")


def test_every_field_filters(full: TestApp) -> None:
    for resource in RESOURCES:
        whole = listed(full, resource.name, "limit=1000")
        for entry in whole:
            for field in set(entry) & set(resource.filters.model_fields):
                value = {None: "null", True: "true", False: "false"}.get(entry[field], entry[field])
                found = listed(full, resource.name, f"{field}={value}&limit=1000")
                assert found == [other for other in whole if other[field] == entry[field]]


def test_filters_on_what_a_grant_is(full: TestApp) -> None:
    acme, umbrella = (uuid_of(full, "customers", name) for name in ("acme", "umbrella"))
    assert len(listed(full, "grants", f"customer={acme}&role=owner")) == 1
    assert listed(full, "grants", f"customer={umbrella}") == []


@pytest.mark.parametrize(
    ("kind", "query"),
    [
        ("customers", "nonsense=1"),
        ("customers", "limit=0"),
        ("customers", "limit=1001"),
        ("customers", "marker=x"),
        ("customers", "created_at=soon"),
        ("customers", "name=%00"),
        ("customers", "name="),
        ("customers", "name_contains="),
        ("customers", "name_contains=a&name~=b"),
        ("audit", "name~=a"),
        ("instances", "status="),
        ("tenants", "enabled=true&enabled=true"),
        ("instances", "project=null"),
        ("alerts", "alert_type="),
        ("alerts", "from=1&from=2"),
        ("projects", "customer=null"),
        ("projects", "project_groups=x"),
        ("tenants", "enabled=yes"),
        ("tenants", "quota=1"),
        ("instances", f"vcpus={'9' * 30}"),
        ("audit", "action=read"),
        ("alerts", "severity=Fatal"),
        ("alerts", "opened=yes"),
        ("alerts", "acknowledged=1"),
        ("alerts", "from=soon"),
        ("alerts", f"to={'9' * 30}"),
        ("alerts", "project=x"),
        ("alerts", "message=y"),
        ("grants", "role=boss"),
        ("clouds", "name=%FF"),
    ],
)
def test_rejects_unusable_filters(bare: TestApp, kind: str, query: str) -> None:
    answer = bare.get(f"/api/{kind}/?{query}", status=400)
    assert error(answer) == (400, "parameter.invalid")
    assert query.split("=", maxsplit=1)[0] in answer.json["errors"][0]["detail"] or "%FF" in query


@pytest.mark.parametrize("method", ["get", "delete", "patch_json", "put_json"])
@pytest.mark.parametrize("path", ["x", f"{UNKNOWN}0", "%00", f"{UNKNOWN}/?nonsense=1"])
def test_rejects_a_malformed_uuid(bare: TestApp, method: str, path: str) -> None:
    body = [{"name": "x"}] if method.endswith("json") else []
    answer = getattr(bare, method)(f"/api/customers/{path}", *body, status=400)
    assert error(answer) == (400, "parameter.invalid")


@pytest.mark.parametrize("method", ["get", "delete", "patch_json"])
def test_unknown_uuid_is_404(bare: TestApp, method: str) -> None:
    for resource in RESOURCES:
        taken = method.upper().removesuffix("_JSON") in resource.methods[resource.entry_url]
        body = [BODIES[resource.name]] if method == "patch_json" and taken else []
        if taken:
            asked = getattr(bare, method)
            if method == "patch_json" and "name" in body[0]:
                body = [{"name": "x"}]
            answer = asked(f"/api/{resource.name}/{UNKNOWN}/", *body, status=404)
            assert error(answer) == (404, "object.unknown")


def test_other_methods(bare: TestApp) -> None:
    for resource in RESOURCES:
        for url, methods in resource.methods.items():
            for method in {"POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"} - set(methods):
                answer = bare.request(url.replace("{uuid}", UNKNOWN), method=method, status=405)
                assert answer.headers["Allow"] == ", ".join(methods)
                assert error(answer) == (405, "method.not_allowed")


def test_headers_and_304(full: TestApp) -> None:
    for kind in NAMES:
        for url in (f"/api/{kind}/", f"/api/{kind}/{listed(full, kind)[0]['uuid']}/"):
            whole = full.get(url)
            assert whole.headers["Cache-Control"] == "private, no-cache"
            assert whole.headers["Vary"] == VARY
            head = full.head(url)
            assert (head.body, head.headers["ETag"]) == (b"", whole.headers["ETag"])
            same = full.get(url, headers={"If-None-Match": whole.headers["ETag"]}, status=304)
            assert same.body == b""
            full.get(url, headers={"If-None-Match": '"other"'}, status=200)


def test_written_entry_has_the_etag_of_the_shown_one(full: TestApp) -> None:
    made = full.post_json("/api/customers/", {"name": "x"})
    place = made.headers["Location"]
    assert made.headers["ETag"] == full.get(place).headers["ETag"]
    changed = full.patch_json(place, {"name": "y"}, headers={"If-Match": made.headers["ETag"]})
    assert changed.headers["ETag"] == full.get(place).headers["ETag"] != made.headers["ETag"]


@pytest.mark.parametrize("form", ['"other"', "W/{}", "", '"other", W/{}'])
def test_write_with_a_stale_etag_is_refused(full: TestApp, form: str) -> None:
    place = full.post_json("/api/customers/", {"name": "x"}).headers["Location"]
    headers = {"If-Match": form.format(full.get(place).headers["ETag"])}
    answers = [
        full.patch_json(place, {"name": "y"}, headers=headers, status=412),
        full.put_json(place, {"name": "y"}, headers=headers, status=412),
        full.delete(place, headers=headers, status=412),
    ]
    assert {error(answer) for answer in answers} == {(412, "precondition.failed")}
    assert full.get(place).json["name"] == "x"


@pytest.mark.parametrize("form", ["*", "{}", '"other", {}'])
def test_write_with_a_current_etag_succeeds(full: TestApp, form: str) -> None:
    place = full.post_json("/api/customers/", {"name": "x"}).headers["Location"]

    def headers() -> dict[str, str]:
        return {"If-Match": form.format(full.get(place).headers["ETag"])}

    full.patch_json(place, {"name": "y"}, headers=headers())
    full.put_json(place, {"name": "z"}, headers=headers())
    full.delete(place, headers=headers(), status=204)


def test_star_in_a_precondition_means_any_entry(writable_app: TestApp) -> None:
    place = f"/api/customers/{UNKNOWN}/"
    writable_app.put_json(place, {"name": "x"}, headers={"If-Match": "*"}, status=412)
    writable_app.put_json(place, {"name": "x"}, headers={"If-None-Match": "*"}, status=201)
    writable_app.put_json(place, {"name": "y"}, headers={"If-None-Match": "*"}, status=412)


def test_of_those_who_write_at_once_one_wins(
    writable_app: TestApp, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = writable_app.post_json("/api/customers/", {"name": "x"})
    place, headers = made.headers["Location"], {"If-Match": made.headers["ETag"]}
    both, check = Barrier(2), answer.check_preconditions

    def waiting_check(*args: Any, **options: Any) -> None:
        """Give the other one the time to come as far as this, too."""
        with suppress(BrokenBarrierError):
            both.wait(timeout=0.5)
        check(*args, **options)

    def write(name: str) -> int:
        client = TestApp(writable_app.app)
        code: int = client.patch_json(place, {"name": name}, headers=headers, status="*").status_int
        return code

    monkeypatch.setattr(answer, "check_preconditions", waiting_check)
    with ThreadPoolExecutor(2) as threads:
        assert sorted(threads.map(write, "yz")) == [200, 412]
    assert len(listed(writable_app, "audit", "action=change")) == 1


def writing(api: TestApp, kind: str, method: str, body: bytes, **headers: str) -> Any:
    path = f"/api/{kind}/" if method == "POST" else f"/api/{kind}/{UNKNOWN}/"
    told = {"Content-Type": "application/json"} | {
        name.replace("_", "-"): value for name, value in headers.items()
    }
    return api.request(path, method=method, body=body, headers=told, status="*")


ALL = [(resource.name, method) for resource in WRITABLE for method in resource.bodies]


@pytest.mark.parametrize(("kind", "method"), ALL)
def test_bodies_that_are_refused(bare: TestApp, kind: str, method: str) -> None:
    def refused(body: bytes, **headers: str) -> tuple[int, str]:
        return error(writing(bare, kind, method, body, **headers))

    assert refused(b"{}", Content_Type="text/plain") == (415, "body.media_type")
    assert refused(b"{}", Content_Type="") == (415, "body.media_type")
    assert refused(b" " * (2**20 + 1)) == (413, "body.too_large")
    for body in (b"", b"{", b"[]", b"null", b"\xff", b"{} {}", b'{"name": NaN}', b'"\\ud800"'):
        assert refused(body) == (400, "body.invalid")
    assert refused(b'{"nmae": "x", "\\u0000\\u202e": 1}') == (400, "body.invalid")
    assert "nmae: unknown field" in writing(bare, kind, method, b'{"nmae": 1}').text


@pytest.mark.parametrize(
    ("kind", "changed", "named"),
    [
        ("customers", {"name": ""}, "name"),
        ("customers", {"name": "x" * 256}, "name"),
        ("customers", {"name": "a\nb"}, "name"),
        ("customers", {"name": 5}, "name"),
        ("customers", {"name": None}, "name"),
        ("customers", {"created_at": -1}, "created_at"),
        ("customers", {"created_at": "5"}, "created_at"),
        ("customers", {"created_at": True}, "created_at"),
        ("customers", {"created_at": 10**30}, "created_at"),
        ("customers", {"uuid": UNKNOWN}, "uuid"),
        ("projects", {"customer": "acme"}, "customer"),
        ("projects", {"project_groups": ["x"]}, "project_groups.0"),
        ("projects", {"project_groups": UNKNOWN}, "project_groups"),
        ("project-groups", {"projects": [None]}, "projects.0"),
        ("project-groups", {"projects": [UNKNOWN] * 10001}, "projects"),
        ("alerts", {"severity": "error"}, "severity"),
        ("alerts", {"severity": "Fatal"}, "severity"),
        ("alerts", {"alert_type": ""}, "alert_type"),
        ("alerts", {"alert_type": "x" * 256}, "alert_type"),
        ("alerts", {"alert_type": "a\nb"}, "alert_type"),
        ("alerts", {"message": "x" * 4097}, "message"),
        ("alerts", {"message": "a\0b"}, "message"),
        ("alerts", {"message": None}, "message"),
        ("alerts", {"scope": {}}, "scope"),
        ("alerts", {"scope": {"region": UNKNOWN}}, "scope.region"),
        ("alerts", {"scope": {"customer": UNKNOWN, "project": UNKNOWN}}, "scope"),
        ("alerts", {"scope": {"instance": "x"}}, "scope.instance"),
        ("alerts", {"created_at": -1}, "created_at"),
        ("alerts", {"closed_at": 5}, "closed_at"),
        ("alerts", {"source": "openstats"}, "source"),
        ("grants", {"role": "boss"}, "role"),
        ("grants", {"role": "admin"}, "role"),
        ("grants", {"user_id": "x"}, "user_id, group_id, subject"),
        ("grants", {"subject": ""}, "subject"),
        ("grants", {"scope": {}}, "scope"),
        ("grants", {"scope": {"tenant": UNKNOWN}}, "scope.tenant"),
        ("grants", {"scope": {"customer": UNKNOWN, "cloud": UNKNOWN}}, "scope"),
        ("grants", {"scope": {"customer": None}}, "scope.customer"),
    ],
)
def test_the_wrong_field_is_named(
    bare: TestApp, kind: str, changed: dict[str, Any], named: str
) -> None:
    answer = bare.post_json(f"/api/{kind}/", BODIES[kind] | changed, status=400)
    assert error(answer) == (400, "body.invalid")
    assert answer.json["errors"][0]["detail"].startswith(named)


def test_the_missing_field_is_named(bare: TestApp) -> None:
    for kind, body in BODIES.items():
        for field in body if kind not in ("tenants", "grants") else ():
            given = {name: value for name, value in body.items() if name != field}
            answer = bare.post_json(f"/api/{kind}/", given, status=400)
            assert answer.json["errors"][0]["detail"] == f"{field}: required field is missing"


@pytest.mark.parametrize("origin", ["https://evil.example", "null", "http://localhost:1", ""])
def test_no_other_site_writes(bare: TestApp, origin: str) -> None:
    for kind, method in [*ALL, *((kind, "DELETE") for kind in ("customers", "clouds", "grants"))]:
        refusal = writing(bare, kind, method, b"{}", Origin=origin)
        assert error(refusal) == (403, "permission.denied")
    assert bare.get("/api/customers/", headers={"Origin": origin}).json == {"customers": []}


def test_a_page_of_our_own_writes(writable_app: TestApp) -> None:
    headers = {"Origin": "http://localhost:80"}
    writable_app.post_json("/api/customers/", {"name": "x"}, headers=headers, status=201)


def test_a_grown_instance_is_listed_with_its_tenant(writable_app: TestApp, store: Store) -> None:
    with store.transaction() as db:
        alpha = site(db).project("p1").discover()
        alpha.server("p1", name="db", uuid=UNKNOWN, vcpus=3)
    (tenant,) = listed(writable_app, "tenants")
    (instance,) = listed(writable_app, "instances", f"tenant={tenant['uuid']}")
    assert (instance["uuid"], instance["name"], instance["vcpus"]) == (UNKNOWN, "db", 3)
