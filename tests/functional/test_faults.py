"""Whatever a cloud does: the last good figures stay with their age, and it heals by itself.

The fault is put on the way to the real cloud of the current release; Zed's must not notice.
"""

import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest

from tests.devcloud import Cloud
from tests.devcloud.process import wait_for
from tests.edge import Edge, Garbage, Hang, Refuse, Reset, Status, Truncate
from tests.functional.system import Api, System

BROKEN, WHOLE = "current", "zed"
KINDS = {"discovery", "capacity", "instances", "volumes", "quotas", "providers", "usage"}
AGED = 3600


def ports(cloud: Cloud) -> str:
    """Give what is in every URL of a cloud."""
    return rf"127\.0\.0\.1:{str(cloud.plan.settings.port_base)[:-1]}\d/"


@pytest.fixture
def collected(system: System) -> System:
    """An installation that has read both clouds once; deadlines are short from then on."""
    system.run("collect", "--once", "--full")
    system.configure(read_timeout=2, quota_max_age=1, retry_interval=1)
    return system


def figures(api: Api, clouds: dict[str, Cloud]) -> dict[str, Any]:
    return {
        "resource": {n: api.get("resource", auth_url=c.auth_url) for n, c in clouds.items()},
        "quota": api.get("quota", each="true"),
        "customer": api.get("customer"),
    }


def made_old(system: System) -> None:
    """Put everything that was read an hour back, so that ages tell what was read anew."""
    system.sql(f"UPDATE capacity SET collected_at = collected_at - {AGED}")
    dates = ", ".join(f"{date} = {date} - {AGED}" for date in ("compute_at", "volume_at", "due_at"))
    system.sql(f"UPDATE quota SET {dates}")
    system.sql(f"UPDATE job SET polled_at = polled_at - {AGED}")
    system.sql(f"UPDATE reading SET at = at - {AGED}")


def errors(system: System) -> dict[str, dict[str, str | None]]:
    """Give the last error by cloud and kind of job."""
    query = "SELECT c.name, j.kind, j.error FROM job j JOIN cloud c ON c.id = j.cloud_id"
    found: dict[str, dict[str, str | None]] = {}
    for name, kind, error in system.sql(query):
        found.setdefault(name, {})[kind] = error
    return found


def age(api: Api, cloud: Cloud) -> int:
    return int(api.ask("resource", auth_url=cloud.auth_url)[2]["X-Openstats-Age"])


Injecting = Callable[[Edge, Cloud], AbstractContextManager[Any]]


def everywhere(action: Any) -> Injecting:
    return lambda edge, cloud: edge.during(ports(cloud), action)


@contextmanager
def cell_down(_edge: Edge, cloud: Cloud) -> Iterator[None]:
    cloud.cell_down()
    try:
        yield
    finally:
        cloud.cell_up()
        # Nova keeps connections to its cells, and notices one by one that they are gone.
        wait_for("Nova's cell", lambda: _whole(cloud))


def _whole(cloud: Cloud) -> bool:
    path = "/os-services?binary=nova-compute"
    services = cloud.rest.call("GET", "nova", path, None, "2.87")["services"]
    return all(service["status"] != "UNKNOWN" for service in services)


@contextmanager
def without_cinder(_edge: Edge, cloud: Cloud) -> Iterator[None]:
    cloud.catalog(())
    try:
        yield
    finally:
        cloud.catalog()


COMPUTE = {"capacity", "instances", "providers", "quotas", "usage"}
FAULTS: dict[str, tuple[Injecting, set[str]]] = {
    "refused": (everywhere(Refuse()), KINDS),
    "reset": (everywhere(Reset()), KINDS),
    "500": (everywhere(Status(500, {}, b"<html>Internal Server Error</html>")), KINDS),
    "503": (everywhere(Status(503, {"Retry-After": "1"}, b"later")), KINDS),
    "429": (everywhere(Status(429, {"Retry-After": "1"}, b"too many")), KINDS),
    "401": (everywhere(Status(401, {}, b"{}")), KINDS),
    "truncated": (everywhere(Truncate(40)), KINDS),
    "no JSON": (everywhere(Garbage(b"<html>captive portal</html>")), KINDS),
    "wrong JSON": (everywhere(Garbage(b'{"unexpected": [1, null]}')), KINDS),
    "a cell is down": (cell_down, COMPUTE),
    "no Cinder in the catalog": (without_cinder, {"volumes", "quotas"}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_figures_survive_and_heal(
    collected: System, clouds: dict[str, Cloud], edge: Edge, fault: str
) -> None:
    inject, hurt = FAULTS[fault]
    made_old(collected)
    with collected.serving() as api:
        before = figures(api, clouds)
        with inject(edge, clouds[BROKEN]):
            said = collected.run("collect", "--once", status=1)
            assert "Traceback" not in said
            failed = errors(collected)
            assert {kind for kind, error in failed[BROKEN].items() if error} == hurt
            assert not any(failed[WHOLE].values())
            assert figures(api, clouds) == before
            assert age(api, clouds[BROKEN]) >= AGED
            assert age(api, clouds[WHOLE]) < AGED
        collected.run("collect", "--once")
        assert not any(errors(collected)[BROKEN].values())
        assert figures(api, clouds) == before
        assert age(api, clouds[BROKEN]) < AGED


def test_a_cloud_that_hangs_costs_its_deadline_and_nobody_elses(
    collected: System, clouds: dict[str, Cloud], edge: Edge
) -> None:
    made_old(collected)
    with collected.serving() as api:
        before = figures(api, clouds)
        with edge.during(ports(clouds[BROKEN]), Hang()):
            collected.run("collect", "--once", status=1)
        assert all(
            error and "time" in error.lower() for error in errors(collected)[BROKEN].values()
        )
        assert not any(errors(collected)[WHOLE].values())
        assert figures(api, clouds) == before
        collected.run("collect", "--once")
        assert age(api, clouds[BROKEN]) < AGED


def test_a_token_that_expires_in_between_is_renewed(
    collected: System, clouds: dict[str, Cloud], edge: Edge
) -> None:
    expired = edge.rule(rf"GET http://{ports(clouds[BROKEN])}", Status(401, {}, b"{}"), times=1)
    # The first call with the token is past signing in.
    made_old(collected)
    collected.run("collect", "--once")
    assert expired.hits == 1
    with collected.serving() as api:
        assert age(api, clouds[BROKEN]) < AGED


@pytest.mark.parametrize("name", ["block-storage", "volumev3"])
def test_cinder_is_found_by_either_name(
    collected: System, clouds: dict[str, Cloud], name: str
) -> None:
    clouds[BROKEN].catalog((name,))
    try:
        collected.run("collect", "--once", "--full")
    finally:
        clouds[BROKEN].catalog()
    assert not any(errors(collected)[BROKEN].values())


@pytest.mark.parametrize(
    "moment", ["os-quota-sets", "servers/detail", "volumes/detail", "projects"]
)
def test_a_collector_killed_in_mid_poll_is_taken_over(
    collected: System, clouds: dict[str, Cloud], edge: Edge, moment: str
) -> None:
    collected.configure(lease=2, read_timeout=20)
    with collected.serving() as api:
        before = figures(api, clouds)
        hang = Hang()
        with edge.during(rf"{ports(clouds[BROKEN])}.*{moment}", hang):
            made_old(collected)
            collected.sql("UPDATE job SET next_at = 0")
            collected.sql("UPDATE quota SET due_at = 0")
            victim = collected.start("collect")
            wait_for("the poll", lambda: edge.count(lambda seen: True) and hang.reached.is_set())
            victim.send_signal(signal.SIGKILL)
            victim.wait()
        held = collected.sql("SELECT count(*) FROM job WHERE lease_token IS NOT NULL")
        assert held[0][0] >= 1
        assert figures(api, clouds) == before
        heir = collected.start("collect")
        wait_for("the heir", lambda: age(api, clouds[BROKEN]) < AGED, timeout=60)
        wait_for("all jobs", lambda: not collected.sql("SELECT 1 FROM job WHERE next_at = 0"))
        heir.terminate()
        assert heir.wait(30) == 0
        assert not any(errors(collected)[BROKEN].values())
        assert figures(api, clouds) == before
