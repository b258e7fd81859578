"""The OpenAPI document against the route table, and answers against the document."""

from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlencode

import jsonschema
import openapi_spec_validator
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import ignored_auth
from webtest import TestApp

from openstats.api.routes import RESOURCES, ROOTS, STATISTICS
from openstats.http import receiver_urls
from openstats.storage.store import Store
from tests.api.openapi.outline import KEPT, outline
from tests.api.receiving import BEARER
from tests.api.unpacked import unpacked
from tests.api.world import UNKNOWN, fill
from tests.conftest import Sqlite
from tests.registry import KEYSTONE

RECEIVER = f"{receiver_urls.RECEIVERS}{{name}}/"
PAGES = {"/", "/docs", "/healthcheck", "/openapi.json"}
ANSWERED = [
    ("resource", f"auth_url={KEYSTONE}", 200),
    ("resource", "", 400),
    ("quota", "", 200),
    ("quota", "each=true&aggregate=project", 200),
    ("quota", "aggregate=vm", 400),
    ("customer", "", 200),
    ("customer", "with=uuid", 200),
    ("creation-time", "type=customer", 200),
    ("usage", "item=memory", 200),
    ("usage", "item=cpu&aggregate=project&with=uuid&fill=null", 200),
    ("usage", "item=disk", 400),
    ("creation-time", "type=vm&datapoints=0", 400),
    ("alert", "", 200),
    ("alert", "each=true&aggregate=project&opened=true", 200),
    ("alert", "acknowledged=perhaps", 400),
]


@pytest.fixture(scope="module")
def document(filled_app: TestApp) -> dict[str, Any]:
    found: dict[str, Any] = filled_app.get("/openapi.json").json
    return found


def parameters(
    document: dict[str, Any], path: str, place: str = "query", method: str = "get"
) -> dict[str, dict[str, Any]]:
    """Give what an operation takes in a place, by name."""
    described = document["paths"][path][method].get("parameters", [])
    return {given["name"]: given for given in described if given["in"] == place}


def test_every_route_is_described_and_nothing_else(document: dict[str, Any]) -> None:
    statistics = {f"{root}/{statistic.name}/" for root in ROOTS for statistic in STATISTICS}
    methods = {url: {"get"} for url in statistics | PAGES}
    methods |= {receiver_urls.RECEIVERS: {"get"}, RECEIVER: {"post"}}
    for resource in RESOURCES:
        for url, names in resource.methods.items():
            methods[url] = {name.lower() for name in names if name != "HEAD"}
    assert {url: set(operations) for url, operations in document["paths"].items()} == methods


def test_paths_parameters_schemas_and_codes_are_those_of_the_last_release(
    document: dict[str, Any],
) -> None:
    assert outline(document) == KEPT.read_text().splitlines()


def test_every_described_operation_is_served(
    writable_app: TestApp, document: dict[str, Any]
) -> None:
    for path, described in document["paths"].items():
        answer = writable_app.get(
            path.replace("{uuid}", UNKNOWN).replace("{name}", "x"), status="*"
        )
        assert "openstats.route.unknown" not in answer.text
        possible = (404,) if "{uuid}" in path else (200, 400)
        assert answer.status_int in (possible if "get" in described else (405,))


def test_operations_have_names_of_their_own(document: dict[str, Any]) -> None:
    described = [operation for path in document["paths"].values() for operation in path.values()]
    names = [operation["operationId"] for operation in described]
    assert len(names) == len(set(names))


def test_it_is_openapi(document: dict[str, Any]) -> None:
    found = openapi_spec_validator.OpenAPIV31SpecValidator(document).iter_errors()
    assert [error.message for error in found] == []


def test_every_operation_has_one_part_and_every_part_is_described(
    document: dict[str, Any],
) -> None:
    parts = {part["name"]: part["description"] for part in document["tags"]}
    described = [operation for path in document["paths"].values() for operation in path.values()]
    assert len(parts) == len(STATISTICS) + len(RESOURCES) + len(("receivers", "service"))
    assert {tag for operation in described for tag in operation["tags"]} == set(parts)
    assert {len(operation["tags"]) for operation in described} == {1}
    assert all(parts.values())


def test_pages_need_no_token_and_all_else_may(document: dict[str, Any]) -> None:
    assert set(document["components"]["securitySchemes"]) == {"token", "bearer", "basic"}
    assert {"token": []} in document["security"]
    own = [{"bearer": []}, {"basic": []}, {"token": []}]
    for path, operations in document["paths"].items():
        for operation in operations.values():
            said = [] if path in PAGES else own if path == RECEIVER else None
            assert operation.get("security") == said


def test_examples_are_as_described(document: dict[str, Any]) -> None:
    examples = 0
    for schema in document["components"]["schemas"].values():
        for example in schema.get("examples", []):
            whole = schema | {"components": document["components"]}
            jsonschema.validate(example, whole, cls=jsonschema.Draft202012Validator)
            examples += 1
    assert examples >= sum(len(resource.bodies) for resource in RESOURCES)


def test_conditions_are_described(document: dict[str, Any]) -> None:
    guards = {"put": {"If-Match", "If-None-Match"}, "patch": {"If-Match"}, "delete": {"If-Match"}}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            taken = set(parameters(document, path, "header", method))
            if method == "get":
                assert ("304" in operation["responses"]) == (taken == {"If-None-Match"})
            elif method == "post":
                assert taken == (
                    {"If-Match"} if path.endswith(("/close/", "/acknowledge/")) else set()
                )
            else:
                assert taken == guards[method]


@pytest.mark.parametrize(
    "query",
    [
        f"resource/?auth_url={KEYSTONE}&",
        "quota/?",
        "quota/?each=true&",
        "customer/?",
        "creation-time/?type=project&",
        "creation-time/?type=project&interval=day&",
        "usage/?item=memory&",
        "usage/?item=memory&interval=hour&from=1700000000&",
        "alert/?",
        "alert/?each=true&",
        "alert/?interval=day&",
        "alert/?opened=true&",
    ],
)
def test_a_default_is_what_leaving_a_parameter_out_does(
    filled_app: TestApp, document: dict[str, Any], query: str
) -> None:
    path, _, given = query.partition("?")
    taken = parameters(document, f"/api/stats/{path}")
    defaults = {
        name: str(of["schema"]["default"]).lower()
        for name, of in taken.items()
        if "default" in of["schema"] and f"{name}=" not in given
    }
    without = filled_app.get(f"/api/stats/{query}")
    assert filled_app.get(f"/api/stats/{query}{urlencode(defaults)}").body == without.body
    for name, value in defaults.items():
        assert filled_app.get(f"/api/stats/{query}{name}={value}").body == without.body


def test_schemas_are_schemas(document: dict[str, Any]) -> None:
    for schema in document["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)
    for path in document["paths"].values():
        for parameter in (
            p for operation in path.values() for p in operation.get("parameters", [])
        ):
            jsonschema.Draft202012Validator.check_schema(parameter["schema"])


@pytest.mark.parametrize(("name", "query", "status"), ANSWERED)
def test_answers_are_as_described(
    filled_app: TestApp, document: dict[str, Any], name: str, query: str, status: int
) -> None:
    answer = filled_app.get(f"/api/stats/{name}/?{query}", status=status)
    described = document["paths"][f"/api/stats/{name}/"]["get"]["responses"][str(status)]
    schema = described["content"]["application/json"]["schema"]
    whole = schema | {"components": document["components"]}
    jsonschema.validate(answer.json, whole, cls=jsonschema.Draft202012Validator)
    assert answer.json
    # A page that is the last one has no link to another.
    assert set(described.get("headers", {})) - {"Link"} <= set(answer.headers)


GIVEN = {
    "/api/stats/resource/": {"auth_url": KEYSTONE},
    # Who is strict about time that was not observed, or is in the future, gets 503.
    **{f"/api/stats/{name}/": {"strict": "false"} for name in ("usage", "creation-time", "alert")},
}
"""What no generator can know."""


@pytest.fixture(scope="module")
def described(filled_app: TestApp) -> Any:
    """Give the document as schemathesis reads it; what it cannot say may be refused with 400.

    Such are: that from comes before to, which auth_urls are registered, and which time zones
    there are.
    """
    schema = schemathesis.openapi.from_wsgi("/openapi.json", unpacked(filled_app.app))
    accepted = schema.config.checks.positive_data_acceptance
    accepted.expected_statuses = [*accepted.expected_statuses, "400"]
    return schema


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("path", [f"/api/stats/{statistic.name}/" for statistic in STATISTICS])
def test_generated_requests_get_described_answers(
    described: Any, path: str, mode: GenerationMode
) -> None:
    query = GIVEN.get(path) if mode is GenerationMode.POSITIVE else None

    @given(described[path]["GET"].as_strategy(generation_mode=mode, query=query))
    @settings(max_examples=100, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        # On behalf of somebody resource is refused.
        assert case.call_and_validate().status_code in (200, 304, 400, 403)

    ask()


OPERATIONS = [
    (url, method)
    for resource in RESOURCES
    for url, methods in resource.methods.items()
    for method in methods
    if method != "HEAD"
]
POSSIBLE = ["400", "404", "409", "412"]
"""How an object that no generator can know is refused."""


@pytest.fixture(scope="module")
def written(sqlite: Sqlite, app_on: Callable[[Store], Any]) -> Iterator[Any]:
    """Give the document again, of an application on a store that may be written to."""
    with sqlite.store() as store:
        with store.transaction() as db:
            fill(db)
        schema = schemathesis.openapi.from_wsgi("/openapi.json", unpacked(app_on(store)))
        accepted = schema.config.checks.positive_data_acceptance
        accepted.expected_statuses = [*accepted.expected_statuses, *POSSIBLE]
        yield schema


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize(("path", "method"), OPERATIONS)
def test_generated_writes_get_described_answers(
    written: Any, path: str, method: str, mode: GenerationMode
) -> None:
    @given(written[path][method].as_strategy(generation_mode=mode))
    @settings(max_examples=20, suppress_health_check=list(HealthCheck))
    def ask(case: schemathesis.Case) -> None:
        assert case.call_and_validate().status_code < 500

    ask()


@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
@pytest.mark.parametrize("name", ["prometheus", "telemetry"])
def test_generated_notifications_get_described_answers(
    written: Any, name: str, mode: GenerationMode
) -> None:
    """What only the other kind takes is refused; that tokens are looked at is held elsewhere."""
    given_ones = {"headers": BEARER, "path_parameters": {"name": name}}
    statuses = set()

    @given(written[RECEIVER]["POST"].as_strategy(generation_mode=mode, **given_ones))
    @settings(max_examples=100, suppress_health_check=list(HealthCheck))
    def tell(case: schemathesis.Case) -> None:
        statuses.add(case.call_and_validate(excluded_checks=[ignored_auth]).status_code)

    tell()
    assert 401 not in statuses
    if mode is GenerationMode.POSITIVE:
        assert 204 in statuses


def test_receivers_are_as_described(described: Any) -> None:
    assert described[receiver_urls.RECEIVERS]["GET"].Case().call_and_validate().status_code == 200


@pytest.mark.parametrize("path", sorted(PAGES))
def test_pages_are_as_described(described: Any, path: str) -> None:
    assert described[path]["GET"].Case().call_and_validate().status_code == 200


def test_every_parameter_is_described_and_none_is_a_const(document: dict[str, Any]) -> None:
    """The page would preselect a const."""
    given = [
        p for path in document["paths"].values() for o in path.values() for p in o["parameters"]
    ]
    assert any(parameter["schema"].get("enum") == ["skip"] for parameter in given)
    assert not any("const" in parameter["schema"] for parameter in given)
    assert all(parameter.get("description") for parameter in given)
    assert "memory in MiB" in parameters(document, "/api/stats/usage/")["item"]["description"]
