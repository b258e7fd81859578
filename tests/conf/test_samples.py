"""The samples in etc/openstats say what the code says."""

import os
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import yaml
from oslo_policy import generator as policy_generator

from openstats import conf
from openstats.cli.assembly import connections
from openstats.clouds.clouds_yaml.settings import Settings
from openstats.conf.foreign import LIBRARY_NAMESPACES
from openstats.conf.problems import OWN_NAMESPACE

ROOT = Path(__file__).parents[2]
ETC = ROOT / "etc" / "openstats"
CHANGING = {
    "DEFAULT": "oslo.log",
    "keystone_authtoken": "keystonemiddleware.auth_token",
    "oslo_policy": "oslo.policy",
}


def groups(sample: str) -> dict[str, str]:
    """Cut a sample into its groups."""
    parts = re.split(r"^\[(\w+)\]$", sample, flags=re.MULTILINE)
    return dict(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def test_the_sample_of_the_configuration_is_fresh(tmp_path, monkeypatch):
    # Away from home: nothing in a sample may depend on who makes it.
    monkeypatch.setenv("HOME", "/home/somebody")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    made = tmp_path / "made"
    command = [sys.executable, "tools/sample", "--output-file", str(made)]
    subprocess.run(command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=True)
    sample = groups((ETC / "openstats.conf.sample").read_text())
    fresh = groups(made.read_text())
    # Options of other libraries change with their releases, which are none of ours.
    for group, library in CHANGING.items():
        assert f"# From {library}\n" in sample.pop(group)
        del fresh[group]
    assert sample == fresh, "run: make sample"


def test_the_sample_says_what_services_do():
    sample = (ETC / "openstats.conf.sample").read_text()
    assert "#use_stderr = true\n" in sample
    assert "No description" not in sample


def test_check_knows_the_options_of_the_sample():
    listed = (ETC / "config-generator.conf").read_text()
    known = {
        OWN_NAMESPACE,
        *(namespace for group in LIBRARY_NAMESPACES.values() for namespace in group),
    }
    assert set(re.findall("^namespace = (.*)$", listed, re.MULTILINE)) == known


def test_the_sample_of_the_rules_is_fresh(tmp_path):
    made = tmp_path / "made"
    arguments = ["--config-file", str(ETC / "policy-generator.conf"), "--output-file", str(made)]
    policy_generator.generate_sample(arguments)
    assert (ETC / "policy.yaml.sample").read_text() == made.read_text(), "run: make sample"


@pytest.fixture
def clouds_yaml(monkeypatch):
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(ETC / "clouds.yaml.sample"))
    monkeypatch.delenv("OS_CLOUD", raising=False)
    return yaml.safe_load((ETC / "clouds.yaml.sample").read_text())["clouds"]


def test_every_entry_of_the_sample_of_clouds_yaml_can_be_used(clouds_yaml):
    found = connections(conf.load())
    assert set(found) == {"frankfurt", "zurich", "nordic:north", "nordic:south", "special"}


def test_the_sample_of_clouds_yaml_shows_every_setting(clouds_yaml):
    shown = clouds_yaml["special"]["openstats"]
    assert set(shown) == {field.name for field in fields(Settings)}
    defaults = Settings()
    assert all(value != getattr(defaults, name) for name, value in shown.items())
