"""The documents name everything that there is."""

import re
from dataclasses import fields
from itertools import pairwise, product
from pathlib import Path

import pytest

from openstats import conf, errors
from openstats.api.public_endpoints import PAGES
from openstats.api.routes import RESOURCES, ROOTS, STATISTICS
from openstats.cli.main import Openstats
from openstats.clouds.clouds_yaml.settings import Settings
from openstats.http import errors as api_errors
from openstats.http.parameters.query import Query
from openstats.http.server import tasks
from openstats.http.validation import parameter_names

ROOT = Path(__file__).parents[2]
PAGES_OF_TEXT = [*ROOT.glob("*.rst"), *ROOT.glob("docs/*.rst")]
API = (ROOT / "docs" / "api.rst").read_text()
CONFIGURATION = (ROOT / "docs" / "configuration.rst").read_text()
COMMANDS = (ROOT / "docs" / "commands.rst").read_text()
ARCHITECTURE = (ROOT / "docs" / "architecture.rst").read_text()
PACKAGE = ROOT / "openstats"


def section(document: str, title: str) -> str:
    """Give what stands below a title, up to the next title of any level."""
    found = re.search(
        rf"^{re.escape(title)}\n[-~]+\n(.*?)(?=^\S[^\n]*\n[-~]{{3,}}\n|\Z)", document, re.M | re.S
    )
    assert found, f"no section {title}"
    return found[1]


def rows(text: str) -> set[str]:
    """Give the first cells of tables that are literals."""
    return set(re.findall(r"^``([^`]+)``(?=  |,|$)", text, re.MULTILINE))


@pytest.mark.parametrize(("group", "options"), conf.list_opts(), ids=lambda v: str(v)[:12])
def test_every_option_is_described(group, options):
    assert rows(section(CONFIGURATION, f"[{group}]")) == {option.dest for option in options}


def test_every_key_of_an_entry_is_described():
    described = section(CONFIGURATION, "The key ``openstats``")
    assert all(re.search(rf"^{field.name} ", described, re.M) for field in fields(Settings))


@pytest.mark.parametrize("statistic", STATISTICS, ids=lambda s: s.name)
def test_every_statistic_is_described_with_its_parameters(statistic):
    for root in ROOTS:
        assert f"``{root}/{statistic.name}/``" in section(API, "Routes")
    common = set(parameter_names(Query))
    assert rows(section(API, statistic.name)) >= set(parameter_names(statistic.parameters)) - common
    assert rows(section(API, "All statistics")) >= common


@pytest.mark.parametrize("resource", RESOURCES, ids=lambda r: r.name)
def test_every_resource_is_described_with_its_fields_and_methods(resource):
    assert resource.url in rows(section(API, "Routes"))
    described = section(API, resource.name)
    assert rows(described) == set(resource.entry.model_fields)
    methods = {method for methods in resource.methods.values() for method in methods}
    told = re.findall(r"``([A-Z]+)``", described.split("===")[0])
    assert set(told) == methods - {"HEAD"}


def test_examples_of_writing_are_as_described():
    bodies = re.findall(
        r"-X (\w+) .*?-d '(\{.*?\})'[^']*'http://127.0.0.1:8779/api/([\w-]+)/", API, re.S
    )
    assert {method for method, _, _ in bodies} == {"POST", "PUT", "PATCH"}
    found = {resource.name: resource for resource in RESOURCES}
    for method, body, name in bodies:
        found[name].bodies[method].model_validate_json(body)


def test_every_page_is_described():
    assert rows(section(API, "Routes")) >= set(PAGES)


def codes(kind: type[errors.OpenstatsError]) -> set[str]:
    return {kind.code}.union(*(codes(below) for below in kind.__subclasses__()))


def test_every_error_is_described_with_its_status():
    table = section(API, "Errors")
    spelled = [code for code, _ in (*api_errors.HTTP_CODES.values(), api_errors.DEFECT)]
    refused = re.findall(
        r'"(openstats\.(?:request|service)\.\w+)"', Path(tasks.__file__).read_text()
    )
    assert refused
    assert rows(table) == codes(errors.OpenstatsError) | {*spelled, *refused}
    for kind, status in api_errors.STATUSES.items():
        assert re.search(rf"^``{re.escape(kind.code)}`` +{status} ", table, re.MULTILINE)


def test_every_command_is_described():
    library = {"help", "complete"}
    names = {name for name, _ in Openstats().command_manager} - library
    # A row stands for several: openstats customer|project list|show.
    words = [row.removeprefix("openstats ").split() for row in rows(section(COMMANDS, "Commands"))]
    described = [product(*(word.split("|") for word in row)) for row in words]
    assert sorted(" ".join(command) for row in described for command in row) == sorted(names)


@pytest.mark.parametrize("page", PAGES_OF_TEXT, ids=lambda page: page.name)
def test_links_of_the_documents_resolve(page):
    text = page.read_text()
    places = re.findall(r"<([\w./-]+)>`_|(?<![/\w])((?:docs|etc|tools|tests)/[\w./-]*\w)", text)
    for link, place in places:
        base = page.parent if link else ROOT
        assert (base / (link or place)).exists(), link or place


def test_every_module_that_the_architecture_names_is_there():
    paths = re.findall(r"``([\w/]+(?:/|\.py))``", ARCHITECTURE)
    assert len(paths) > 50
    roots = PACKAGE, ROOT
    assert [path for path in paths if not any((root / path).exists() for root in roots)] == []


def test_every_function_that_the_architecture_names_is_there():
    """A stop of a walk is a module and a name in it, next to one another."""
    stops = re.findall(r"``([\w/]+\.py)``\s+``([\w.]+)``", ARCHITECTURE)
    assert len(stops) > 30
    for path, name in stops:
        source = (PACKAGE / path).read_text()
        for part in name.split("."):
            assert re.search(rf"^ *(?:def|class) {part}\b", source, re.MULTILINE), (path, name)


def test_the_architecture_names_every_room():
    rooms = {path.parent.relative_to(PACKAGE) for path in PACKAGE.glob("*/**/__init__.py")}
    versions = Path("storage/migrations/versions")
    inner = {room for room in rooms if len(room.parts) > 1} - {versions}
    assert [room for room in inner if f"``{room}/``" not in ARCHITECTURE] == []


WIDEST = 100


@pytest.mark.parametrize("page", PAGES_OF_TEXT, ids=lambda page: page.name)
def test_no_line_of_a_text_is_too_long(page):
    lines = page.read_text().splitlines()
    # What is indented is printed by a command, or sent by one.
    assert [line for line in lines if len(line) > WIDEST and not line.startswith(" ")] == []


@pytest.mark.parametrize("page", PAGES_OF_TEXT, ids=lambda page: page.name)
def test_every_line_of_equals_signs_is_as_long_as_its_title(page):
    """A shorter one is the rest of a merge: to docutils it is a word."""
    lines = page.read_text().splitlines()
    titles = [(above, line) for above, line in pairwise(lines) if line and set(line) == {"="}]
    assert [above for above, line in titles if above and len(above) != len(line)] == []


def test_no_line_of_the_sample_of_clouds_yaml_is_too_long():
    lines = (ROOT / "etc" / "openstats" / "clouds.yaml.sample").read_text().splitlines()
    assert [line for line in lines if len(line) > 100] == []


def test_the_groups_of_options_are_sections_of_their_file():
    groups = re.findall(r"^\[\S+\]\n([-~])", CONFIGURATION, re.M)
    assert len(groups) >= len(conf.list_opts())
    assert set(groups) == {"~"}
