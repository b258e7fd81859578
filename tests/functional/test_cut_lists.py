"""Lists that real services cut: Keystone at its limits, Cinder without its rule for admins."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml

from tests.devcloud import Cloud
from tests.functional.system import System


@contextmanager
def replaced(path: Path, text: str) -> Iterator[None]:
    """Have a file other contents for as long as the block lasts."""
    before = path.read_text()
    path.write_text(text)
    try:
        yield
    finally:
        path.write_text(before)


@contextmanager
def limited(cloud: Cloud, option: str, limit: int) -> Iterator[None]:
    """Have Keystone cut its lists."""
    path = cloud.plan.conf / "keystone" / "keystone.conf"
    text = path.read_text().replace("[DEFAULT]\n", f"[DEFAULT]\n{option} = {limit}\n")
    try:
        with replaced(path, text):
            cloud.restart("keystone")
            yield
    finally:
        cloud.restart("keystone")


def limit_of(cloud: Cloud) -> int:
    """Return a limit below the number of projects, and above that of each domain."""
    projects = cloud.rest.call("GET", "keystone", "/projects")["projects"]
    limit = 1 + max(Counter(project["domain_id"] for project in projects).values())
    assert limit < len(projects)
    return limit


@pytest.mark.parametrize(
    ("name", "option", "limit"),
    [
        ("current", "max_db_limit", 4),
        ("current", "list_limit", 3),
        ("zed", "list_limit", None),
    ],
)
def test_a_keystone_that_cuts_its_lists_is_read_whole(
    system: System, clouds: dict[str, Cloud], name: str, option: str, limit: int | None
) -> None:
    system.run("discover")
    before = system.tenants()
    query = "SELECT count(*) FROM tenant WHERE deleted_at IS NULL"
    number = system.sql(query)
    with limited(clouds[name], option, limit or limit_of(clouds[name])):
        for _ in range(3):
            system.run("discover", name)
        system.run("check")
    assert system.tenants() == before
    assert system.sql(query) == number


def test_a_cinder_without_its_admin_rule_is_an_error(
    system: System, clouds: dict[str, Cloud]
) -> None:
    system.run("collect", "--once", "--full")
    query = "SELECT tenant_id, volumes, gigabytes, snapshots FROM volume_use ORDER BY tenant_id"
    before = system.sql(query)
    path = clouds["current"].plan.conf / "cinder" / "policy.yaml"
    rules = yaml.safe_load(path.read_text()) | {"context_is_admin": "role:nobody"}
    with replaced(path, yaml.safe_dump(rules)):
        for _ in range(2):
            said = system.run("collect", "--once", "--full", status=1)
            assert "current: Cinder shows this user only volumes of its own project" in said
    assert system.sql(query) == before
    system.run("collect", "--once", "--full")
    assert system.sql(query) == before
