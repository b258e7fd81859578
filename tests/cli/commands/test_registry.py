"""``registry export`` and ``import``."""

import getpass
import io

import pytest
import yaml

from tests.cli.installation import Installation
from tests.cli.rows import sql
from tests.double import Double


@pytest.fixture
def discovered(installed: Installation, alpha: Double) -> Installation:
    assert installed.run("collect", "--once").status == 0
    return installed


def test_exported_registry_is_imported_again(discovered: Installation) -> None:
    path = str(discovered.directory / "registry.yaml")
    assert discovered.run("registry", "export", path) == (0, "", "")
    exported = discovered.run("registry", "export")
    assert exported.out == (discovered.directory / "registry.yaml").read_text()
    assert len(yaml.safe_load(exported.out)["customers"]) == 2
    told = discovered.run("registry", "import", path)
    said = "Imported 2 customers, 3 projects, 0 project groups, 3 tenants.\n"
    assert told == (0, said, "")
    assert discovered.run("registry", "export") == exported


def test_into_an_empty_store(discovered: Installation, alpha: Double) -> None:
    path = str(discovered.directory / "registry.yaml")
    discovered.run("registry", "export", path)
    before = discovered.run("registry", "export").out
    discovered.store.unlink()
    discovered.run("db", "upgrade")
    # Tenants are linked to clouds, which only discovery knows.
    assert "no cloud 'alpha' is registered" in discovered.sentence("registry", "import", path)
    assert discovered.run("registry", "export").out == "customers: []\n"
    discovered.run("discover")
    assert discovered.run("registry", "import", path).status == 0
    assert _names(discovered.run("registry", "export").out) == _names(before)
    # A later discovery knows everything again.
    assert discovered.run("collect", "--once").status == 0
    assert _names(discovered.run("registry", "export").out) == _names(before)


def _names(text: str) -> list[object]:
    return [
        (customer["name"], [project["name"] for project in customer["projects"]])
        for customer in yaml.safe_load(text)["customers"]
    ]


def test_entries_set_by_hand_outlive_discovery(discovered: Installation) -> None:
    document = yaml.safe_load(discovered.run("registry", "export").out)
    document["customers"][0]["name"] = "Ümläut & Søn"
    path = discovered.directory / "registry.yaml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True), encoding="utf-8")
    assert discovered.run("registry", "import", str(path)).status == 0
    assert discovered.run("collect", "--once", "--full").status == 0
    assert "Ümläut & Søn" in discovered.run("registry", "export").out
    assert "Ümläut & Søn" in discovered.run("stats", "customer").out


def test_a_document_is_read_from_standard_input(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("customers: [{name: acme}]"))
    told = installed.run("registry", "import", "-")
    assert told == (0, "Imported 1 customer, 0 projects, 0 project groups, 0 tenants.\n", "")
    assert "name: acme" in installed.run("registry", "export").out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("customers: [", "cannot be read: while parsing"),
        ("customers: 5", "document: customers must be a list"),
        ("- a", "document: must be a mapping of customers, grants, unlinked"),
        ("customers: [{name: acme, colour: red}]", "customer: no key colour"),
        ("customers: [{name: acme, uuid: x}]", "'x' is not a uuid"),
        ("customers: [{}]", "customer: needs a name"),
        ("customers: [{name: acme}, {name: 5}]", "customer: needs a name"),
        ("!!python/object/apply:os.system ['true']", "cannot be read: could not determine"),
    ],
)
def test_an_invalid_document_is_refused_with_the_reason(
    installed: Installation, text: str, said: str
) -> None:
    path = installed.directory / "registry.yaml"
    path.write_text(text)
    assert said in installed.sentence("registry", "import", str(path))
    assert installed.run("registry", "export").out == "customers: []\n"


def test_invalid_standard_input_is_named(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("customers:\n- name: [\n"))
    said = installed.sentence("registry", "import", "-")
    assert said.startswith("standard input cannot be read: while parsing a flow node, expected")
    assert said.endswith(" in line 3, column 1")


def test_an_unreadable_file_is_refused(installed: Installation) -> None:
    said = installed.sentence("registry", "import", "/nowhere")
    assert said.startswith("/nowhere cannot be read: ")
    path = installed.directory / "registry.yaml"
    path.write_bytes(b"customers: [{name: \xff}]")
    assert "cannot be read: " in installed.sentence("registry", "import", str(path))


def test_a_file_that_cannot_be_written(installed: Installation) -> None:
    said = installed.sentence("registry", "export", "/nowhere/registry.yaml")
    assert said.startswith("/nowhere/registry.yaml cannot be written: ")


def test_a_project_with_an_ideographic_space_goes_all_the_way(
    installed: Installation, alpha: Double
) -> None:
    name = "株式会社\u3000山田"
    alpha.create_project(name, alpha.create_domain(name).id)
    assert installed.run("collect", "--once").status == 0
    path = installed.directory / "registry.yaml"
    assert installed.run("registry", "export", str(path)).status == 0
    assert installed.run("registry", "import", str(path)).status == 0
    assert name in installed.run("stats", "customer").out


def test_an_import_is_in_the_audit(discovered: Installation) -> None:
    path = discovered.directory / "registry.yaml"
    path.write_text("customers: [{name: acme}]")
    assert discovered.run("registry", "import", str(path)).status == 0
    rows = sql(discovered, "SELECT who, action, kind FROM audit")
    assert rows == [(f"registry import by {getpass.getuser()}", "create", "customer")]
