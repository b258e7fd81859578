"""The least that openstats needs: a role of its own, by etc/policy, on a real cloud."""

import itertools
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from openstats.clouds.rights import RIGHTS
from tests.devcloud import Cloud, RestError
from tests.devcloud.rest import request
from tests.edge import Edge
from tests.functional.personas import PASSWORD, Keystone, User
from tests.functional.steps import age_servers
from tests.functional.system import Api, System

ROLE = "openstats"
NAME = "current"
"""The cloud: its services have the policies of etc/policy."""

POLICY = Path(__file__).parents[2] / "etc" / "policy"
GRID = 300
RULES = {rule for kind in RIGHTS.values() for right in kind for rule in right.rules}
"""What check can miss."""


@pytest.fixture(scope="module")
def cloud(clouds: dict[str, Cloud]) -> Cloud:
    found = clouds[NAME]
    for policy in POLICY.glob("*.yaml"):
        # A cloud that was kept up has the files of when it was made.
        shutil.copy(policy, found.plan.conf / policy.stem / "policy.yaml")
    found.wait_until_quiet()
    return found


@pytest.fixture(scope="module")
def keystone(cloud: Cloud) -> Keystone:
    found = Keystone(cloud)
    if ROLE not in found.roles:
        role = found.call("POST", "/roles", {"role": {"name": ROLE}})["role"]
        found.roles[ROLE] = role["id"]
    return found


def user_with(keystone: Keystone, role: str) -> User:
    return keystone.user(**{f"project_{keystone.project('service')}": role})


def entry(cloud: Cloud, user: User) -> dict[str, Any]:
    """Give the entry of clouds.yaml for a user on the project service."""
    given = cloud.clouds_entry()
    mine = {"username": user.name, "password": PASSWORD, "project_name": "service"}
    return given | {"auth": given["auth"] | mine}


@contextmanager
def installed(home: Path, edge: Edge, given: dict[str, Any]) -> Iterator[System]:
    home.mkdir()
    with System(home, {NAME: given}, edge) as system:
        yield system


def keystone_asked(system: System) -> System:
    """Have the API ask Keystone of its callers, as the same user: check tries that as well."""
    own = {"auth_type": "password"} | system.entries[NAME]["auth"]
    own["www_authenticate_uri"] = own["auth_url"]
    system.sections = {"api": {"auth_strategy": "keystone"}, "keystone_authtoken": own}
    system.configure()
    return system


def ticked(system: System) -> None:
    """Read everything, and again five minutes later, as the readings have it."""
    system.run("collect", "--once", "--full")
    system.sql(f"UPDATE reading SET at = at - {GRID}")
    system.run("collect", "--once", "--full")


def bare(found: Any) -> Any:
    """Take off what differs from store to store, and put lists into one order."""
    if isinstance(found, dict):
        return {k: bare(v) for k, v in found.items() if k not in ("uuid", "created_at")}
    if isinstance(found, list):
        return sorted(map(bare, found), key=lambda each: json.dumps(each, sort_keys=True))
    return found


def used(api: Api, item: str) -> Any:
    """Give what each project used in the last second that was read."""
    until = int(api.ask("usage", item=item)[2]["X-Openstats-Complete-Until"])
    window = {"from_": until - 1, "to": until, "datapoints": 1, "strict": "true"}
    found = api.get("usage", item=item, aggregate="project", **window)
    return sorted((each["name"], each["datapoints"][0]["value"]) for each in found)


def figures(system: System, cloud: Cloud) -> dict[str, Any]:
    age_servers(cloud)
    ticked(system)
    with system.serving() as api:
        return {
            "registry": bare(yaml.safe_load(system.run("registry", "export"))),
            "quota": bare(api.get("quota", aggregate="project", each="true")),
            "resource": api.get("resource", auth_url=cloud.auth_url),
            "customer": api.get("customer"),
            "memory": used(api, "memory"),
            "storage": used(api, "storage"),
            "vcpu_hours": used(api, "vcpu_hours"),
            "providers": sorted(system.sql("SELECT name, disabled FROM provider")),
            "servers": sorted(system.sql("SELECT uuid, status, host FROM instance")),
            "measured": sorted(system.sql("SELECT DISTINCT meter FROM reading")),
        }


def test_the_role_gives_the_figures_of_an_admin(
    cloud: Cloud, keystone: Keystone, edge: Edge, tmp_path: Path
) -> None:
    with installed(tmp_path / "admin", edge, cloud.clouds_entry()) as system:
        wanted = figures(system, cloud)
    with installed(tmp_path / "role", edge, entry(cloud, user_with(keystone, ROLE))) as system:
        assert figures(system, cloud) == wanted
        checked = json.loads(keystone_asked(system).run("check", "-f", "json"))
    assert {line["status"] for line in checked} == {"ok"}
    assert sum(value for _, value in wanted["memory"]) > 0
    assert sum(value for _, value in wanted["storage"]) > 0
    # One that was shelved, or found no place, has none.
    assert any(host for _, _, host in wanted["servers"])
    assert ("cpu.used",) in wanted["measured"]


def missing(system: System) -> list[str]:
    """Give what check says of each right that is missing; it fails if there is any."""
    done = subprocess.run(
        system.command("check", "-f", "json"), env=system.environ(), text=True, capture_output=True
    )
    system.keep(done.stdout + done.stderr)
    lines = json.loads(done.stdout)
    assert done.returncode == int(any(line["status"] != "ok" for line in lines))
    assert {line["status"] for line in lines} <= {"ok", "no permission", "skipped"}, lines
    return [line["detail"] for line in lines if line["status"] == "no permission"]


HIDDEN = {
    "os_compute_api:os-extended-server-attributes",
    "volume_extension:extended_snapshot_attributes",
    "volume_extension:volume_tenant_attribute",
    "volume:get_all",
    "volume:get_all_snapshots",
}
"""What cannot be told as long as nothing is listed, or who reads their own project has."""


@pytest.mark.parametrize("role", ["reader", "member"])
def test_check_names_every_right_that_others_lack(
    cloud: Cloud, keystone: Keystone, edge: Edge, tmp_path: Path, role: str
) -> None:
    with installed(tmp_path / role, edge, entry(cloud, user_with(keystone, role))) as system:
        said = "\n".join(missing(keystone_asked(system)))
    assert {rule for rule in RULES if not named(rule, said)} == HIDDEN
    for service in ("keystone", "nova", "cinder", "placement"):
        assert f"{service.title()}'s policy, see etc/policy/{service}.yaml" in said


def named(rule: str, said: str) -> bool:
    return rule in re.findall(r"[\w:-]+", said)


@contextmanager
def without(cloud: Cloud, number: int) -> Iterator[list[str]]:
    """Take one rule out of each service's policy, as it is now: services look at their files."""
    files = {kept: kept.read_text() for kept in cloud.plan.conf.glob("*/policy.yaml")}
    taken = []
    try:
        for file, text in files.items():
            rules = yaml.safe_load(text)
            names = [rule for rule in rules if rule in RULES]
            taken += names[number : number + 1]
            file.write_text(yaml.safe_dump({k: v for k, v in rules.items() if k not in taken}))
        yield taken
    finally:
        for file, text in files.items():
            file.write_text(text)


def test_check_names_any_single_right_that_lacks(
    cloud: Cloud, keystone: Keystone, edge: Edge, tmp_path: Path
) -> None:
    tried: set[str] = set()
    with installed(tmp_path / "role", edge, entry(cloud, user_with(keystone, ROLE))) as system:
        keystone_asked(system)
        for number in itertools.count():
            with without(cloud, number) as taken:
                if not taken:
                    break
                said = "\n".join(missing(system))
            assert [rule for rule in taken if not named(rule, said)] == []
            tried.update(taken)
        assert tried == RULES
        assert missing(system) == []


def test_the_api_may_look_up_tokens_and_groups(cloud: Cloud, keystone: Keystone) -> None:
    service, caller = keystone.project("service"), keystone.user()
    group = keystone.group(caller)
    asked = keystone.token(caller)
    for role, status in ((ROLE, 200), ("member", 403)):
        headers = {"X-Auth-Token": keystone.token(user_with(keystone, role), project=service)}
        groups = f"{keystone.url}/users/{caller.id}/groups"
        tokens = f"{keystone.url}/auth/tokens"
        assert answer("GET", groups, None, headers)[0] == status
        assert answer("GET", tokens, None, headers | {"X-Subject-Token": asked})[0] == status
    assert group in str(request("GET", groups, None, {"X-Auth-Token": asked})[0])


def answer(method: str, url: str, body: Any, headers: dict[str, str]) -> tuple[int, Any]:
    try:
        return 200, request(method, url, body, headers)[0]
    except RestError as error:
        return error.status, error.body


NOTHING_ELSE: list[tuple[str, str, str, Any]] = [
    ("nova", "DELETE", "/servers/{server}", None),
    ("nova", "PUT", "/servers/{server}", {"server": {"name": "mine"}}),
    ("nova", "POST", "/servers/{server}/action", {"reboot": {"type": "SOFT"}}),
    ("nova", "POST", "/servers/{server}/action", {"os-resetState": {"state": "error"}}),
    ("nova", "POST", "/servers/{server}/action", {"lock": None}),
    (
        "nova",
        "POST",
        "/servers/{server}/remote-consoles",
        {"remote_console": {"protocol": "vnc", "type": "novnc"}},
    ),
    ("nova", "GET", "/servers/{server}/os-instance-actions", None),
    ("nova", "GET", "/servers/{server}/metadata", None),
    (
        "nova",
        "POST",
        "/servers",
        {"server": {"name": "mine", "flavorRef": "m1.tiny", "networks": "none"}},
    ),
    ("nova", "PUT", "/os-quota-sets/{tenant}", {"quota_set": {"cores": 1}}),
    ("nova", "DELETE", "/os-quota-sets/{tenant}", None),
    ("nova", "DELETE", "/flavors/m1.tiny", None),
    ("nova", "GET", "/os-simple-tenant-usage", None),
    ("nova", "GET", "/os-migrations", None),
    ("nova", "POST", "/os-aggregates", {"aggregate": {"name": "mine"}}),
    ("cinder", "DELETE", "/volumes/{volume}", None),
    ("cinder", "GET", "/volumes/{volume}", None),
    ("cinder", "PUT", "/volumes/{volume}", {"volume": {"name": "mine"}}),
    ("cinder", "POST", "/volumes/{volume}/action", {"os-extend": {"new_size": 500}}),
    ("cinder", "POST", "/volumes/{volume}/action", {"os-force_delete": None}),
    ("cinder", "POST", "/volumes/{volume}/action", {"os-reset_status": {"status": "error"}}),
    ("cinder", "POST", "/volumes", {"volume": {"size": 500, "source_volid": "{volume}"}}),
    ("cinder", "POST", "/volumes", {"volume": {"size": 1}}),
    ("cinder", "POST", "/snapshots", {"snapshot": {"volume_id": "{volume}"}}),
    ("cinder", "POST", "/volume-transfers", {"transfer": {"volume_id": "{volume}"}}),
    ("cinder", "GET", "/backups/detail?all_tenants=1", None),
    ("cinder", "PUT", "/os-quota-sets/{tenant}", {"quota_set": {"volumes": 1}}),
    ("cinder", "GET", "/os-services", None),
    ("placement", "DELETE", "/resource_providers/{provider}", None),
    ("placement", "GET", "/resource_providers/{provider}/allocations", None),
    ("keystone", "PATCH", "/projects/{tenant}", {"project": {"name": "mine"}}),
    ("keystone", "DELETE", "/projects/{tenant}", None),
    ("keystone", "GET", "/users", None),
    ("keystone", "GET", "/role_assignments", None),
]


def test_the_role_may_do_nothing_else(cloud: Cloud, keystone: Keystone) -> None:
    call = cloud.rest.call
    server = call("GET", "nova", "/servers/detail?all_tenants=1", None, "2.87")["servers"][0]
    providers = call("GET", "placement", "/resource_providers")["resource_providers"]
    volumes = call("GET", "cinder", "/volumes?all_tenants=1")["volumes"]
    ids = {"server": server["id"], "tenant": server["tenant_id"]}
    ids |= {"volume": volumes[0]["id"], "provider": providers[0]["uuid"]}
    service = keystone.project("service")
    token = keystone.token(user_with(keystone, ROLE), project=service)
    for name, method, path, body in NOTHING_ELSE:
        url = cloud.plan.url(name) + (f"/{service}" if name == "cinder" else "")
        given = json.loads(json.dumps(body).replace("{volume}", ids["volume"]))
        headers = {"X-Auth-Token": token}
        if name == "nova":
            headers["OpenStack-API-Version"] = "compute 2.87"
        status, said = answer(method, url + path.format(**ids), given, headers)
        # Cinder does not even say that a volume is there.
        assert status in (403, 404), (method, path, status, said)
