"""What is shipped: a version, commands that are there, and rooms that import what they may."""

import ast
import re
import subprocess
import sys
import tomllib
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from cliff.command import Command

import openstats

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "openstats"
COMMANDS = sorted(entry_points(group="openstats.commands"), key=lambda found: found.name)
MODULES = ("readings", "model", "meters", "names", "errors", "auth_url")
PURE = sorted([*PACKAGE.glob("statistics/*.py")] + [PACKAGE / f"{name}.py" for name in MODULES])


def test_the_change_log_begins_with_this_version():
    versions = re.findall(r"^(\d+\.\d+\.\d+)\n-+$", (ROOT / "ChangeLog").read_text(), re.MULTILINE)
    assert versions[0] == openstats.__version__


@pytest.mark.parametrize("command", COMMANDS, ids=lambda found: found.name)
def test_every_command_can_be_loaded_and_has_help(command):
    kind = command.load()
    assert issubclass(kind, Command)
    assert kind.__doc__
    parser = kind(None, None).get_parser(f"openstats {command.name}")
    assert "usage: openstats" in parser.format_help()


def test_the_program_lists_every_command():
    program = Path(sys.executable).with_name("openstats")
    told = subprocess.run([program, "--help"], capture_output=True, text=True, check=True).stdout
    for command in COMMANDS:
        assert f"\n  {command.name.replace('_', ' ')} " in told


def test_every_dependency_names_its_lowest_version():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    requirements = [*project["dependencies"]]
    for extra in extras.keys() - {"lint"}:
        requirements += extras[extra]
    own = f"{project['name']}["
    unbounded = [requirement for requirement in requirements if ">=" not in requirement]
    assert [requirement for requirement in unbounded if not requirement.startswith(own)] == []


def test_every_python_of_the_classifiers_has_an_environment():
    classifiers = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["classifiers"]
    pythons = re.findall(r"Python :: 3\.(\d+)", "\n".join(classifiers))
    environments = re.search(r"testenv:{(lowest\S+)}", (ROOT / "tox.ini").read_text())
    assert {f"py3{minor}" for minor in pythons} == set(environments[1].split(",")[2:])


def test_every_asset_is_packaged():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    patterns = project["tool"]["setuptools"]["package-data"]["openstats"]
    packaged = {path for pattern in patterns for path in PACKAGE.glob(pattern)}
    assets = {path for path in (PACKAGE / "api" / "assets").rglob("*") if path.is_file()}
    assert assets
    assert assets <= packaged
    # The sdist, from which the wheel is built, has them as well.
    assert "recursive-include openstats/api/assets *" in (ROOT / "MANIFEST.in").read_text()


def test_vendored_files_carry_their_licence():
    place = PACKAGE / "api" / "assets" / "openapi-explorer"
    name, version = re.match(r"(OpenAPI Explorer) (\S+),", (place / "VERSION").read_text()).groups()
    assert f"{name} {version} " in (place / "openapi-explorer.min.js").read_text("utf-8")[:100]
    assert "Apache License" in (place / "LICENSE").read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    shipped = {path for pattern in project["license-files"] for path in ROOT.glob(pattern)}
    assert shipped >= {place / "LICENSE", place / "THIRD-PARTY"}


@pytest.mark.parametrize("module", PURE, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_statistics_and_below_import_the_standard_library_and_numpy_only(module):
    imported = set()
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        if isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported <= sys.stdlib_module_names | {"openstats", "numpy"}
