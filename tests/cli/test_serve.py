"""``serve``: as a process, which answers HTTP, collects or does not, and ends when told to."""

import gc
import json
import socket
import urllib.request
import warnings
from typing import Any

import pytest

from tests.cli.installation import Installation, Process
from tests.cli.test_collect import sql
from tests.double import Double
from tests.edge import Edge, Hang, Status

READY = "openstats is ready: "


def ready(process: Process) -> str:
    """Wait for the service, and give its URL."""
    return process.until(READY).split(READY)[1].strip().rstrip("/")


def get(url: str) -> Any:
    direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with direct.open(url, timeout=10) as answer:
        return json.load(answer)


def test_on_sqlite_it_collects(installed: Installation, alpha: Double) -> None:
    with installed.started("serve", "--port", "0") as process:
        url = ready(process)
        assert "capacity of alpha took" in process.said
        example = process.until("curl").split("'")[1]
        assert example == f"{url}/api/stats/resource/?auth_url={alpha.auth_url}"
        assert get(example)["vcpus"] == 256
        assert [entry["instances"] for entry in get(f"{url}/stats/customer")] == [4, 2]
        assert process.end() == 0
    assert "Traceback" not in process.said
    assert "double-secret" not in process.said


def test_without_collecting_it_needs_no_clouds(installed: Installation) -> None:
    installed.configure("api", collect="false")
    with installed.started("serve", "--port", "0", "--host", "localhost") as process:
        url = ready(process)
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
        url = ready(process)
        assert "openstats: No cloud configured" in process.said
        installed.clouds(alpha=alpha.clouds_entry())
        made = post(f"{url}/api/clouds/", {"name": "alpha"})
        # So that nobody has to wait for the patience of collectors.
        sql(installed, "UPDATE job SET next_at = 0")
        process.until("providers of alpha took")
        assert get(f"{url}/api/clouds/{made['uuid']}/")["resource_classes"]["VCPU"]["total"] == 256
        assert process.end() == 0
    assert "Traceback" not in process.said


def test_without_clouds_it_says_so_and_serves(installed: Installation) -> None:
    with installed.started("serve", "--port", "0") as process:
        url = ready(process)
        assert "openstats: No cloud configured: write a clouds.yaml" in process.said
        assert get(f"{url}/api/stats/customer/") == []
        assert process.end() == 0


def test_it_ends_in_the_middle_of_the_first_poll(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    """Calls that are under way may take their time; nothing is begun after them."""
    installed.configure("collector", read_timeout=1)
    hang = Hang()
    edge.rule("os-services", hang)
    edge.rule("v3/domains", Status(500))
    with installed.started("serve", "--port", "0") as process:
        assert hang.reached.wait(20)
        assert READY not in process.said
        process.process.terminate()
        assert process.process.wait(10) == 0
        process.end()
    assert "Traceback" not in process.said
    assert edge.count(lambda seen: "statistics" in seen.url) == 0
    assert sql(installed, "SELECT count(*) FROM job WHERE lease_token IS NOT NULL") == [(0,)]


def refused(installed: Installation, *words: str) -> str:
    """Give the sentence of a server that cannot listen; waitress forgets to close its socket."""
    said = installed.sentence("serve", *words)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()
    return said


def test_a_port_that_is_taken(installed: Installation) -> None:
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
def test_an_address_that_cannot_be(installed: Installation, words: list[str], said: str) -> None:
    assert said in refused(installed, *words)
