"""``collect`` and ``discover``: clouds.yaml, one cycle, and for ever."""

import signal
import time
from typing import Any

import pytest

from tests.attacks.stores import locked_file
from tests.cli.installation import Installation
from tests.cli.rows import sql
from tests.devcloud.process import wait_for
from tests.double import Double, Flavor
from tests.edge import Edge, Hang, Status
from tests.edge.abuse import Trickle

KNOWN = (
    "The registry has 2 customers (2 new, 0 gone), 3 projects (3 new, 0 gone), "
    "5 tenants (5 new, 0 gone).\n"
)
SMALL = Flavor("m1.small", 1, 2048, 20)


def test_collect_once_reads_servers_and_quotas(installed: Installation, alpha: Double) -> None:
    assert installed.run("collect", "--once") == (0, "Polled alpha: no errors.\n", "")
    assert sql(installed, "SELECT count(*) FROM instance") == [(6,)]
    assert sql(installed, "SELECT count(*) FROM quota WHERE volume_at IS NOT NULL") == [(3,)]


def test_full_reads_everything(installed: Installation, edge: Edge, alpha: Double) -> None:
    installed.run("collect", "--once")
    edge.clear()
    assert installed.run("collect", "--once").status == 0
    assert edge.count(lambda seen: "os-quota-sets" in seen.url) == 0
    assert installed.run("collect", "--once", "--full").status == 0
    assert edge.count(lambda seen: "os-quota-sets" in seen.url) == 6


def test_discover_finds_projects_only(installed: Installation, alpha: Double) -> None:
    told = installed.run("discover")
    assert told == (0, f"Polled alpha: no errors.\n{KNOWN}", "")
    assert sql(installed, "SELECT count(*) FROM project") == [(3,)]
    assert sql(installed, "SELECT count(*) FROM instance") == [(0,)]


def test_discover_says_what_is_new_and_what_is_gone(installed: Installation, alpha: Double) -> None:
    installed.run("discover")
    name = next(p.domain_id for p in alpha.state.projects.values() if p.name.startswith("project"))
    alpha.create_project("another", name)
    assert "4 projects (1 new, 0 gone), 6 tenants (1 new, 0 gone)" in installed.run("discover").out


def test_failures_of_one_kind_are_printed_once(installed: Installation, alpha: Double) -> None:
    entry = alpha.clouds_entry()
    entry["auth"]["password"] = "wrong"
    installed.clouds(alpha=entry)
    told = installed.run("collect", "--once")
    assert (told.status, told.out) == (1, "Polled alpha: 1 error.\n")
    assert told.err.count("Keystone refuses the credential") == 1


def test_full_requires_once(installed: Installation, alpha: Double) -> None:
    assert installed.sentence("collect", "--full").startswith("--full: requires --once")


def test_only_the_clouds_that_are_named(installed: Installation, alpha: Double) -> None:
    other = {"auth": {"auth_url": "http://127.0.0.1:1"}}
    installed.clouds(alpha=alpha.clouds_entry(), beta=other)
    assert installed.run("discover", "alpha").status == 0
    installed.configure("clouds", names="alpha")
    assert installed.run("discover").out.startswith("Polled alpha: no errors.\n")


def test_the_cloud_that_os_cloud_names(
    installed: Installation, alpha: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = {"auth": {"auth_url": "http://127.0.0.1:1"}}
    installed.clouds(alpha=alpha.clouds_entry(), beta=other)
    monkeypatch.setenv("OS_CLOUD", "alpha")
    assert installed.run("discover").out.startswith("Polled alpha: no errors.\n")


def test_failures_are_printed_at_the_end(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    edge.rule("statistics|v3/domains", Status(500, {}, b"<html>"))
    told = installed.run("collect", "--once")
    assert told.status == 1
    assert told.out == "Polled alpha: 2 errors.\n"
    first, second = told.err.splitlines()
    assert first.startswith("openstats: alpha: Nova's hypervisor statistics: HTTP 500")
    assert second.startswith("openstats: alpha: Keystone's domains: ")


def test_one_tenant_that_was_not_read_is_an_error(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    tenant = list(alpha.state.projects)[-1]
    edge.rule(f"os-quota-sets/{tenant}", Status(500))
    told = installed.run("collect", "--once")
    assert told.status == 1
    assert "alpha: quotas of 1 of 3 tenants were not read" in told.err


def test_verbose_prints_the_polls(installed: Installation, alpha: Double) -> None:
    told = installed.run("--verbose", "collect", "--once")
    assert told.status == 0
    assert "capacity of alpha took" in told.err
    assert "double-secret" not in told.err


@pytest.mark.parametrize("levels", [["--debug"], ["-v", "-v", "-v"]])
def test_no_log_level_prints_secrets(
    installed: Installation, alpha: Double, levels: list[str]
) -> None:
    told = installed.run(*levels, "collect", "--once")
    assert told.status == 0
    assert "double-secret" not in told.err
    assert not any(token in told.err for token in alpha.site.tokens)


class Terminal:
    """A standard error on which somebody looks."""

    def __init__(self, real: Any) -> None:
        self.real = real

    def isatty(self) -> bool:
        return True

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


def test_progress_is_shown_on_a_terminal(
    installed: Installation, alpha: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sys

    # A bar is shown for what takes longer than a second; here, for everything.
    import tqdm

    monkeypatch.setattr(tqdm.tqdm, "__init__", _undelayed(tqdm.tqdm.__init__))
    installed.capsys.readouterr()
    monkeypatch.setattr(sys, "stderr", Terminal(sys.stderr))
    told = installed.run("collect", "--once")
    assert told.status == 0
    assert "alpha quotas: " in told.err
    assert "3/3" in told.err


def _undelayed(init: Any) -> Any:
    return lambda *given, **named: init(*given, **named | {"delay": 0, "mininterval": 0})


# -- clouds.yaml


def test_without_clouds_yaml_a_sentence_says_what_to_do(installed: Installation) -> None:
    said = installed.sentence("collect", "--once")
    assert said == (
        "No cloud configured: create a clouds.yaml, name it in [clouds] file, or set "
        "OS_CLIENT_CONFIG_FILE"
    )
    assert installed.sentence("collect") == said


@pytest.mark.parametrize("url", ["nonsense", "ftp://a", "http://", 5, "http://a:b"])
def test_an_invalid_auth_url_is_reported_without_the_password(
    installed: Installation, url: Any
) -> None:
    installed.clouds(alpha={"auth": {"auth_url": url, "username": "u", "password": "topsecret"}})
    said = installed.sentence("discover")
    assert said.startswith("the entry alpha of clouds.yaml")
    assert "topsecret" not in said


@pytest.mark.parametrize("excluded", ["project-00000, admin", ["project-00000", "admin"]])
def test_settings_of_a_cloud(installed: Installation, alpha: Double, excluded: Any) -> None:
    settings = {"exclude_projects": excluded, "block_storage": "no", "group_tags": True}
    # A number is as good as its text.
    settings["customer_regex"] = 5
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": settings})
    assert installed.run("collect", "--once").status == 0
    names = [name for (name,) in sql(installed, "SELECT name FROM project ORDER BY name")]
    assert names == ["project-00001", "project-00002", "service"]


# -- for ever


def test_collect_polls_until_it_is_stopped(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    installed.configure("collector", instances_interval=1, overlap=5)
    with installed.started("collect") as process:
        process.until("instances of alpha took")
        alpha.boot(list(alpha.state.projects)[-1], SMALL)
        process.until("instances of alpha took")
        assert process.end() == 0
    assert "Traceback" not in process.said
    assert "double-secret" not in process.said
    assert sql(installed, "SELECT count(*) FROM instance") == [(7,)]
    assert sql(installed, "SELECT count(*) FROM job WHERE lease_token IS NOT NULL") == [(0,)]


def test_a_poll_under_way_is_finished_at_the_end(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    hang = Hang()
    edge.rule("statistics", hang)
    with installed.started("collect") as process:
        assert hang.reached.wait(20)
        process.process.terminate()
        hang.release()
        assert process.end() == 0
    polled = "SELECT count(*) FROM job WHERE kind = 'capacity' AND polled_at IS NOT NULL"
    assert sql(installed, polled) == [(1,)]


def test_a_hangup_reads_the_configuration_again(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    log = installed.directory / "openstats.log"
    # One that is not looked after whenever a line is written, as others are.
    installed.configure("DEFAULT", log_file=log, log_rotation_type="size")
    with installed.started("collect") as process:
        process.until("capacity of alpha took")
        log.rename(installed.directory / "openstats.log.1")
        installed.configure("collector", capacity_interval=1)
        process.process.send_signal(signal.SIGHUP)
        wait_for("the log", lambda: log.exists() and "options changed: 1" in log.read_text())

        def polls() -> int:
            return log.read_text().count("capacity of alpha took")

        def is_due_by_the_new_interval() -> bool:
            # Again and again: a poll that was under way makes the next one due by the old one.
            ((next_at,),) = sql(installed, "SELECT next_at FROM job WHERE kind = 'capacity'")
            if 0 < next_at < time.time() + 5:
                return True
            sql(installed, "UPDATE job SET next_at = 0 WHERE kind = 'capacity'")
            return False

        wait_for("a poll", is_due_by_the_new_interval)
        before = polls()
        wait_for("polls by the new interval", lambda: polls() > before + 1)
        installed.configure("collector", capacity_interval="never")
        process.process.send_signal(signal.SIGHUP)
        wait_for("a word", lambda: "stays as it was" in log.read_text())
        assert process.end() == 0


@pytest.mark.parametrize("action", [Hang(), Trickle(10)], ids=["silent", "slow"])
def test_the_end_does_not_wait_for_a_cloud(
    installed: Installation, edge: Edge, alpha: Double, action: Any
) -> None:
    installed.configure("collector", stop_timeout=15)
    with installed.started("collect") as process:
        process.until("capacity of alpha took")
        seen = edge.rule("", action)
        sql(installed, "UPDATE job SET next_at = 0")
        wait_for("calls", lambda: seen.hits)
        assert process.end() == 0
    assert "still under way" not in process.said
    assert sql(installed, "SELECT count(*) FROM job WHERE lease_token IS NOT NULL") == [(0,)]


def test_the_end_is_forced_where_a_poll_cannot_end(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    installed.configure("collector", stop_timeout=1)
    installed.configure("database", collector_lock_timeout=100)
    hang = Hang()
    edge.rule("statistics", hang)
    with installed.started("collect") as process:
        assert hang.reached.wait(20)
        with locked_file(installed.store):
            hang.release()
            assert process.end() == 0
    assert "polls are still under way after 1 s: their leases run out" in process.said
