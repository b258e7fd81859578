"""The OpenAPI document, as somebody meets it who is a member of one project."""

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth

from openstats.api.routes import RESOURCES, STATISTICS
from openstats.http import receiver_urls
from tests.api.door import Door, token
from tests.api.receiving import BEARER, sections
from tests.api.unpacked import unpacked
from tests.api.world import fill
from tests.conftest import Sqlite
from tests.double import Double

REFUSED = ["400", "403", "404"]
READ = [f"/api/stats/{statistic.name}/" for statistic in STATISTICS]
READ += [resource.url for resource in RESOURCES]
WRITTEN = [
    (url, method)
    for resource in RESOURCES
    for url, methods in resource.methods.items()
    for method in methods
    if method not in {"GET", "HEAD"}
]
RECEIVER = f"{receiver_urls.RECEIVERS}{{name}}/"


@pytest.fixture(scope="module")
def members(sqlite: Sqlite, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Give the document of an application that takes whoever asks for a member of a project."""
    with Double() as keystone, sqlite.store() as store:
        with store.transaction() as db:
            fill(db)
        door = Door(tmp_path_factory.mktemp("member"), keystone, store)
        told = sections(prometheus={}, telemetry={"kind": "aodh"})
        app = door.app(identity={"clouds": "alpha:one"}, **told).app
        key = door.hand(token("member", "reader"))["X-Auth-Token"]

        def signed_in(environ: dict[str, Any], start_response: Any) -> Any:
            return app(environ | {"HTTP_X_AUTH_TOKEN": key}, start_response)

        schema = schemathesis.openapi.from_wsgi("/openapi.json", unpacked(signed_in))
        accepted = schema.config.checks.positive_data_acceptance
        accepted.expected_statuses = [*accepted.expected_statuses, *REFUSED]
        yield schema


def asked(document: Any, path: str, method: str, mode: GenerationMode, **known: Any) -> set[int]:
    """Ask whatever the document allows, or what it does not, and give the statuses."""
    statuses = set()

    @given(document[path][method].as_strategy(generation_mode=mode, **known))
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        left_out = [ignored_auth] if path == RECEIVER else []
        statuses.add(case.call_and_validate(excluded_checks=left_out).status_code)

    ask()
    return statuses


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", READ)
def test_generated_requests_of_a_member_get_described_answers(
    members: Any, path: str, mode: GenerationMode
) -> None:
    strict = path.startswith("/api/stats/") and mode is GenerationMode.POSITIVE
    # Who is strict about time that was not observed, or is in the future, gets 503.
    query = {"query": {"strict": "false"}} if strict else {}
    assert asked(members, path, "GET", mode, **query) <= {200, 304, 400, 403, 503}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), WRITTEN)
def test_generated_writes_of_a_member_are_refused(
    members: Any, path: str, method: str, mode: GenerationMode
) -> None:
    assert asked(members, path, method, mode) <= {403, 404, 405}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_receivers_are_no_members_business(members: Any, mode: GenerationMode) -> None:
    assert asked(members, receiver_urls.RECEIVERS, "GET", mode) <= {400, 403}
    name = {"path_parameters": {"name": "prometheus"}}
    assert asked(members, RECEIVER, "POST", mode, **name) <= {401, 405}


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", ["prometheus", "telemetry"])
def test_a_member_with_a_receivers_token_tells_it(
    members: Any, name: str, mode: GenerationMode
) -> None:
    known = {"headers": BEARER, "path_parameters": {"name": name}}
    statuses = asked(members, RECEIVER, "POST", mode, **known)
    assert statuses <= {204, 400, 405, 415}
    assert (mode is GenerationMode.POSITIVE) <= (204 in statuses)
