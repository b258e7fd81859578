"""A cloud's credential goes to that cloud: not where its answers point, nor where its links do."""

from collections.abc import Iterator

import pytest

from tests.cli.installation import Installation
from tests.double import Double
from tests.edge import Edge, Rewrite, Status
from tests.foreign import Foreign

CALLS = {
    "signing in": "POST .*/identity/v3/auth/tokens",
    "domains": "GET .*/identity/v3/domains",
    "projects": "GET .*/identity/v3/projects",
    "versions of Nova": "GET .*/compute/(v2.1/?)?$",
    "hypervisors": "GET .*/os-hypervisors",
    "servers": "GET .*/servers/detail",
    "volumes": "GET .*/volumes/detail",
    "quotas": "GET .*/os-quota-sets",
}


@pytest.fixture
def foreign() -> Iterator[Foreign]:
    with Foreign() as foreign:
        yield foreign


@pytest.mark.parametrize(
    ("call", "status"),
    [(call, 307) for call in CALLS]
    + [("signing in", status) for status in (301, 302, 303, 305, 308)],
)
def test_no_redirect_leads_elsewhere(
    alpha: Double, installed: Installation, edge: Edge, foreign: Foreign, call: str, status: int
) -> None:
    rule = edge.rule(CALLS[call], Status(status, {"Location": f"{foreign.url}/v3"}))
    told = installed.run("collect", "--once")
    assert told.status == 1
    assert rule.hits
    assert foreign.heard == b""
    if "versions" not in call:
        assert f"redirects to {foreign.url}/v3, to which no credential is sent" in told.err


@pytest.mark.parametrize(
    "elsewhere",
    [
        "//{}/v3",
        "https://{}/v3",
        "http://127.0.0.1@{}/",
        "http://localhost:{port}/",
        "http://127.0.0.1.:{port}/",
        "http://{}x/",
    ],
)
def test_no_spelling_of_a_foreign_url_is_followed(
    alpha: Double, installed: Installation, edge: Edge, foreign: Foreign, elsewhere: str
) -> None:
    host = foreign.url.removeprefix("http://")
    place = elsewhere.format(host, port=host.split(":")[1])
    edge.rule(CALLS["signing in"], Status(307, {"Location": place}))
    assert "to which no credential is sent" in installed.run("collect", "--once").err
    assert foreign.heard == b""


def test_within_a_server_redirects_are_followed(
    alpha: Double, installed: Installation, edge: Edge
) -> None:
    place = f"{alpha.auth_url}/projects?enabled=True"
    rule = edge.rule(CALLS["projects"], Status(302, {"Location": place}), times=1)
    assert installed.run("collect", "--once").status == 0
    assert rule.hits == 1
    assert edge.count(lambda seen: seen.url == place) == 1


def test_the_password_goes_to_no_endpoint_of_the_catalog(
    alpha: Double, installed: Installation, edge: Edge, foreign: Foreign
) -> None:
    """The token does: whom the catalog names is whom the cloud's Keystone trusts."""
    here, there = alpha.auth_url.encode(), f"{foreign.url}/v3".encode()
    edge.rule(CALLS["signing in"], Rewrite(lambda body: body.replace(here, there)))
    assert installed.run("collect", "--once").status == 1
    assert foreign.heard.startswith(b"GET /v3/")
    assert b"POST" not in foreign.heard
    assert alpha.settings.password.encode() not in foreign.heard


def test_links_of_a_version_document_lead_nowhere_else(
    alpha: Double, installed: Installation, edge: Edge, foreign: Foreign
) -> None:
    here, there = alpha.url.encode(), foreign.url.encode()
    rules = [
        edge.rule(rf"GET .*{path}/?$", Rewrite(lambda body: body.replace(here, there)))
        for path in ("/compute/v2.1", "/compute", "/volume/v3", "/volume", "/placement")
    ]
    rules.append(edge.rule("GET .*/servers/detail", Rewrite(lambda b: b.replace(here, there))))
    assert installed.run("collect", "--once").status == 0
    assert sum(rule.hits for rule in rules) > 2
    assert foreign.heard == b""
