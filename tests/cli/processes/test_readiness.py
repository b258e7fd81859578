"""What ``serve`` says of the first poll."""

import pytest

from openstats.cli.processes.readiness import address, announcement, examples
from openstats.storage.jobs import JobOutcome

URL = "http://localhost:8779"


def row(kind: str, polled_at: int | None, error: str | None = None) -> JobOutcome:
    return JobOutcome("alpha", kind, polled_at, error, error_at=None, seconds=None)


@pytest.mark.parametrize(
    ("host", "url"), [("127.0.0.1", "http://127.0.0.1:1"), ("::1", "http://[::1]:1")]
)
def test_an_address_is_a_url(host: str, url: str) -> None:
    assert address(host, 1) == url


def test_failures_of_one_reason_share_a_line() -> None:
    rows = [row("quotas", None, "HTTP\n401"), row("usage", None, "HTTP\n401"), row("discovery", 1)]
    first, second = announcement(URL, rows, "").splitlines()
    assert first == "openstats: alpha: cannot read quotas, usage: HTTP 401"
    assert second == f"openstats is ready: {URL}/"


def test_without_figures_it_is_not_ready() -> None:
    said = announcement(URL, [], "no cloud is registered")
    assert said == f"openstats serves at {URL}/ but has no figures: no cloud is registered\n"
    said = announcement(URL, [row("discovery", None, "down"), row("quotas", 1)], "")
    assert said.endswith("has no figures: the clouds could not be read\n")


def test_an_example_for_each_statistic_and_a_few_clouds() -> None:
    lines = examples(URL, [f"http://{number}" for number in range(5)]).splitlines()
    assert lines[0] == f"  curl '{URL}/api/stats/resource/?auth_url=http://0'"
    assert len(lines) == 3 + 5
