"""``serve``: as a process, which answers HTTP, collects or does not, and ends when told to."""

import gc
import json
import signal
import socket
import urllib.request
import warnings
from typing import Any

import pytest

from tests.cli.installation import Installation
from tests.cli.processes.serving import READY, WITHOUT_FIGURES, get, ready
from tests.cli.rows import sql
from tests.devcloud.process import wait_for
from tests.double import Double
from tests.edge import Edge, Hang, Status


def test_on_sqlite_it_collects(installed: Installation, alpha: Double) -> None:
    with installed.started("serve", "--port", "0") as process:
        url = ready(process)
        assert "capacity of alpha took" in process.said
        assert get(f"{url}/api/stats/resource/?auth_url={alpha.auth_url}")["vcpus"] == 256
        assert [entry["instances"] for entry in get(f"{url}/stats/customer")] == [4, 2]
        assert process.end() == 0
    assert "Traceback" not in process.said
    assert "double-secret" not in process.said
    # Nobody is at a terminal to try them.
    assert "curl" not in process.said


def test_unread_clouds_are_announced_with_their_reason(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    edge.rule("statistics", Status(500))
    with installed.started("serve", "--port", "0") as process:
        ready(process)
        assert "openstats: alpha: cannot read capacity: " in process.said
        assert "instances of alpha not read" not in process.said
        assert process.end() == 0


def test_a_cloud_that_cannot_be_read_at_all_is_not_ready(
    installed: Installation, alpha: Double
) -> None:
    entry = alpha.clouds_entry()
    entry["auth"]["password"] = "wrong"
    installed.clouds(alpha=entry)
    with installed.started("serve", "--port", "0") as process:
        ready(process, WITHOUT_FIGURES)
        assert "openstats: alpha: cannot read " in process.said
        assert READY not in process.said
        assert process.end() == 0


def test_a_hangup_reads_the_configuration_again(installed: Installation) -> None:
    log = installed.directory / "openstats.log"
    installed.configure("DEFAULT", log_file=log)
    with installed.started("serve", "--port", "0") as process:
        url = ready(process, WITHOUT_FIGURES)
        installed.configure("api", port=8888)
        log.rename(installed.directory / "openstats.log.1")
        installed.configure("api", request_timeout=70, threads=5, prot=1)
        process.process.send_signal(signal.SIGHUP)
        wait_for("the log", lambda: log.exists() and "options changed: 1" in log.read_text())
        said = log.read_text()
        assert "[api] request_timeout changed from 30.0 to 70.0" in said
        assert "[api] threads changed from 4 to 5: restart openstats to have it apply" in said
        assert "[api] prot: unknown option; did you mean port?" in said
        # The address is that of the command line.
        assert "port changed" not in said
        assert get(f"{url}/healthcheck") == {"status": "ok"}
        installed.configure("api", request_timeout="never")
        process.process.send_signal(signal.SIGHUP)
        wait_for("a word", lambda: "stays as it was" in log.read_text())
        assert get(f"{url}/healthcheck") == {"status": "ok"}
        assert process.end() == 0


def test_without_collecting_it_needs_no_clouds(installed: Installation) -> None:
    installed.configure("api", collect="false")
    with installed.started("serve", "--port", "0", "--host", "localhost") as process:
        url = ready(process, WITHOUT_FIGURES)
        assert url.startswith("http://localhost:")
        assert get(f"{url}/healthcheck") is not None
        assert get(f"{url}/api/stats/customer/") == []
        assert process.end() == 0
    assert "clouds.yaml" not in process.said


def post(url: str, document: Any) -> Any:
    headers = {"Content-Type": "application/json"}
    asked = urllib.request.Request(url, json.dumps(document).encode(), headers)
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(asked, timeout=20) as answer:
        return json.load(answer)


def test_a_cloud_that_is_registered_while_it_serves_is_asked(
    installed: Installation, alpha: Double
) -> None:
    installed.clouds_yaml.unlink()
    with installed.started("serve", "--port", "0") as process:
        url = ready(process, WITHOUT_FIGURES)
        assert "openstats: No cloud configured: create a clouds.yaml" in process.said
        assert get(f"{url}/api/stats/customer/") == []
        installed.clouds(alpha=alpha.clouds_entry())
        made = post(f"{url}/api/clouds/", {"name": "alpha"})
        # So that nobody has to wait for the patience of collectors.
        sql(installed, "UPDATE job SET next_at = 0")
        process.until("providers of alpha took")
        assert get(f"{url}/api/clouds/{made['uuid']}/")["resource_classes"]["VCPU"]["total"] == 256
        assert process.end() == 0
    assert "Traceback" not in process.said


def test_it_ends_in_its_first_poll_without_being_ready(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    """Calls that are under way may take their time; nothing is begun after them."""
    installed.configure("collector", read_timeout=1)
    hang = Hang()
    edge.rule("os-services", hang)
    edge.rule("v3/domains", Status(500))
    with installed.started("serve", "--port", "0") as process:
        assert hang.reached.wait(20)
        process.process.terminate()
        assert process.process.wait(10) == 0
        process.end()
    for words in ("Traceback", READY, WITHOUT_FIGURES):
        assert words not in process.said
    assert edge.count(lambda seen: "statistics" in seen.url) == 0
    assert sql(installed, "SELECT count(*) FROM job WHERE lease_token IS NOT NULL") == [(0,)]


def refused(installed: Installation, *words: str) -> str:
    """Give the sentence of a server that cannot listen; waitress forgets to close its socket."""
    said = installed.sentence("serve", *words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return said


def test_a_port_in_use_is_refused(installed: Installation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = refused(installed, "--port", str(port))
    assert said == f"cannot listen on 127.0.0.1:{port}: Address already in use"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "192.0.2.1", "--port", "0"], "192.0.2.1"),
        (["--host", "0.0.0.0", "--port", "0"], "0.0.0.0"),
        (["--port", "99999"], "99999"),
        (["--port", "-1"], "-1"),
    ],
)
def test_an_unusable_address_is_refused(
    installed: Installation, words: list[str], said: str
) -> None:
    assert said in refused(installed, *words)
