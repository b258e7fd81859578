"""A client that is generated from the OpenAPI document gets what plain HTTP gets."""

import importlib
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any, get_args, get_type_hints

import httpx
import pytest
from webtest import TestApp

from openstats.api.routes import RESOURCES, STATISTICS
from tests.api.world import UNKNOWN
from tests.registry import KEYSTONE, NOW

PACKAGE = "openstats_generated"
HOST = "http://localhost"
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("resource", {"auth_url": KEYSTONE}),
    ("resource", {"auth_url": KEYSTONE, "region": "one", "unlimited": "skip"}),
    ("resource", {"auth_url": "https://nowhere.example"}),
    ("quota", {}),
    ("quota", {"each": True, "aggregate": "project"}),
    ("quota", {"each": True, "limit": 1}),
    ("quota", {"uuid": [UNKNOWN, UNKNOWN]}),
    ("customer", {}),
    ("customer", {"with": "uuid", "limit": 1}),
    ("creation-time", {"type": "project"}),
    ("creation-time", {"type": "customer", "interval": "day", "tz": "Europe/Berlin"}),
    ("creation-time", {"type": "customer", "datapoints": 3, "from": 1, "to": 1415912629}),
    ("usage", {"item": "memory"}),
    ("usage", {"item": "cpu", "aggregate": "project_group", "datapoints": 2, "fill": "null"}),
    ("usage", {"item": "storage", "interval": "hour", "from": NOW - 9000, "with": "uuid"}),
    ("usage", {"item": "memory", "from": "2023-11-14", "to": "2023-11-15", "tz": "Asia/Tokyo"}),
    ("alert", {}),
    ("alert", {"aggregate": "customer"}),
    ("alert", {"each": True}),
    ("alert", {"interval": "hour", "from": NOW - 7200}),
    ("alert", {"each": True, "aggregate": "project", "interval": "hour", "from": NOW - 7200}),
    ("alert", {"opened": True, "acknowledged": False}),
]

Ask = Callable[..., Any]


@pytest.fixture(scope="module")
def generated(filled_app: TestApp, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Generate the client; a warning of the generator is an error."""
    home = tmp_path_factory.mktemp("generated")
    (home / "openapi.json").write_bytes(filled_app.get("/openapi.json").body)
    (home / "config.yml").write_text("post_hooks: []")
    program = Path(sys.executable).with_name("openapi-python-client")
    options = ["--path", "openapi.json", "--config", "config.yml", "--fail-on-warning"]
    command = [program, "generate", *options, "--meta", "none", "--output-path", PACKAGE]
    ended = subprocess.run(command, cwd=home, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout + ended.stderr
    assert "arning" not in ended.stdout + ended.stderr
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(home))
        yield home / PACKAGE


@pytest.fixture(scope="module")
def ask(generated: Path, filled_app: TestApp) -> Ask:
    """Call an operation of the generated client by its module, with parameters of the URL."""
    assert generated.is_dir()
    transport = httpx.WSGITransport(app=filled_app.app)
    client = importlib.import_module(f"{PACKAGE}.client").Client(base_url=HOST)
    client.set_httpx_client(httpx.Client(base_url=HOST, transport=transport))

    def call(module: str, **parameters: Any) -> Any:
        operation = importlib.import_module(f"{PACKAGE}.api.{module}")
        given = {NAMES.get(name, name): value for name, value in parameters.items()}
        typed = {name: _typed(operation, name, value) for name, value in given.items()}
        return operation.sync_detailed(client=client, **typed)

    return call


NAMES = {"from": "from_", "with": "with_", "type": "type_"}
"""What parameters are called that Python has other uses for."""


def _typed(operation: ModuleType, name: str, value: Any) -> Any:
    hint = get_type_hints(operation.sync_detailed)[name]
    kinds = [kind for kind in (hint, *get_args(hint)) if isinstance(kind, type)]
    enums = [kind for kind in kinds if issubclass(kind, Enum)]
    return enums[0](value) if enums else value


def plain(parsed: Any) -> Any:
    return [plain(one) for one in parsed] if isinstance(parsed, list) else parsed.to_dict()


def described(name: str) -> str:
    """Give the module of a statistic."""
    word = name.replace("-", "_")
    return f"statistic_{word}.api_stats_{word}"


def http(client: TestApp, url: str, parameters: dict[str, Any]) -> Any:
    """Ask with these parameters and nothing else, as curl does."""
    spelled = {name: str(v).lower() if v in (True, False) else v for name, v in parameters.items()}
    query = httpx.QueryParams(spelled)
    return client.get(f"{url}?{query}", status="*")


def unnumbered(document: Any) -> Any:
    """Give a document without the id of its request, if it is that of an error."""
    if "errors" not in document:
        return document
    return [error | {"request_id": ""} for error in document["errors"]]


@pytest.mark.parametrize(("name", "parameters"), CALLS)
def test_a_statistic_is_what_plain_http_gives(
    filled_app: TestApp, ask: Ask, name: str, parameters: dict[str, Any]
) -> None:
    direct = http(filled_app, f"/api/stats/{name}/", parameters)
    answer = ask(described(name), **parameters)
    assert answer.status_code == direct.status_int
    assert unnumbered(json.loads(answer.content)) == unnumbered(direct.json)
    assert answer.parsed is not None
    assert plain(answer.parsed) == json.loads(answer.content)


def test_every_statistic_is_called() -> None:
    assert {name for name, _ in CALLS} == {statistic.name for statistic in STATISTICS}


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda resource: resource.name)
def test_a_list_is_what_plain_http_gives(filled_app: TestApp, ask: Ask, resource: Any) -> None:
    word = resource.name.replace("-", "_")
    answer = ask(f"{word}.list_{word}")
    assert json.loads(answer.content) == filled_app.get(resource.url).json
    assert plain(answer.parsed) == json.loads(answer.content)


def test_a_list_is_filtered(filled_app: TestApp, ask: Ask) -> None:
    answer = ask("projects.list_projects", name_contains="B", limit=1)
    assert [entry.name for entry in answer.parsed.projects] == ["blog"]
    url = "/api/projects/?name~=B&limit=1"
    direct = filled_app.get(url).json["projects"]
    assert [entry.to_dict() for entry in answer.parsed.projects] == direct
    assert httpx.Headers(answer.headers)["Link"].endswith('rel="next"')


def test_known_etag_is_answered_304(ask: Ask) -> None:
    first = ask(described("customer"))
    again = ask(described("customer"), if_none_match=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
