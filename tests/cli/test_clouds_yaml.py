"""clouds.yaml and the environment: what is wrong is said by name, and the other clouds go on."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cli.check.running import check
from tests.cli.installation import Installation
from tests.double import Double

AUTH = {"auth_url": "http://127.0.0.1:9/v3", "username": "u", "password": "topsecret"}
CREDENTIAL = {"application_credential_id": "a", "application_credential_secret": "topsecret"}


def without(key: str, **more: Any) -> dict[str, Any]:
    return {"auth": {name: value for name, value in AUTH.items() if name != key} | more}


BAD = {
    "misspelt": (without("password", pasword="topsecret"), "did you mean password?"),
    "foreign": (without("", project_id="x", colour="red"), "unknown key colour in auth"),
    "without password": (without("password"), "has no password"),
    "without auth_url": (without("auth_url"), "has no auth_url"),
    "without auth": ({"region_name": "x"}, "has no auth: write auth_url and"),
    "region": (
        {"auth": AUTH, "regoin_name": "x"},
        "unknown key regoin_name: did you mean region_name?",
    ),
    "verify": ({"auth": AUTH, "verfy": False}, "did you mean verify?"),
    "interface": ({"auth": AUTH, "interfce": "public"}, "did you mean interface?"),
    "no interface": (
        {"auth": AUTH, "interface": "internl"},
        "interface must be one of public, internal, admin, not internl",
    ),
    "interface of a service": (
        {"auth": AUTH, "compute_interface": "x"},
        "compute_interface must be",
    ),
    "setting": (
        {"auth": AUTH, "openstats": {"customer_from": "tags"}},
        "customer_from = tags: must be one of domain, top-project, tag, regex, file",
    ),
    "no boolean": ({"auth": AUTH, "openstats": {"group_tags": "maybe"}}, "must be true or false"),
    "no setting": (
        {"auth": AUTH, "openstats": {"customer_form": "tag"}},
        "unknown key customer_form: did you mean customer_from?",
    ),
    "no mapping": (
        {"auth": AUTH, "openstats": "all"},
        "must be a mapping of auth_url_aliases, block_storage, capacity_source, ",
    ),
    "no source": ({"auth": AUTH, "openstats": {"capacity_source": "air"}}, "capacity_source = "),
    "no tags": ({"auth": AUTH, "openstats": {"group_tags": [1]}}, "group_tags = "),
    "no names": ({"auth": AUTH, "openstats": {"exclude_projects": {"a": 1}}}, "exclude_projects ="),
    "no list": (
        {"auth": AUTH, "openstats": {"auth_url_aliases": "http://a"}},
        "auth_url_aliases must be a list of URLs",
    ),
    "no URL": ({"auth": AUTH, "openstats": {"auth_url_aliases": ["nonsense"]}}, "nonsense"),
    "no text": ({"auth": AUTH, "openstats": {"auth_url_aliases": [5]}}, "5"),
    "without sign-in": ({"auth": AUTH, "auth_type": "none"}, "auth_type none does not sign in"),
    "null": ({"auth": AUTH, "auth_type": None}, "auth_type None does not sign in"),
    "bogus": ({"auth": AUTH, "auth_type": "bogus"}, "unknown auth_type bogus"),
    "untyped": ({"auth": {"auth_url": AUTH["auth_url"]} | CREDENTIAL}, "needs auth_type: v3app"),
    "list": ([AUTH], "is a list"),
    "text": ("topsecret", "is a str"),
    "empty": (None, "is empty"),
    "auth list": ({"auth": [AUTH]}, "auth must be a mapping with"),
    "brace": ({"auth": AUTH | {"auth_url": "http://{nowhere}/v3"}}, "no value for 'nowhere'"),
    "regions": ({"auth": AUTH, "regions": [{"nam": "x"}]}, "Invalid region entry"),
    "secret": (
        {"auth": AUTH, "openstats": {"meter_options": "topsecret"}},
        "meter_options must be a mapping",
    ),
    "ca": ({"auth": AUTH, "cacert": "/nowhere/ca.pem"}, "= /nowhere/ca.pem: no such file"),
    "inline": ({"auth": AUTH, "cacert": "-----BEGIN CERTIFICATE-----\nMII"}, "write it to a file"),
    "key": (
        {"auth": AUTH, "cert": "/nowhere/c.pem", "key": "x"},
        "cert = /nowhere/c.pem: no such file",
    ),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_entry_is_named_with_the_reason_and_others_are_asked(
    installed: Installation, alpha: Double, kind: str
) -> None:
    entry, reason = BAD[kind]
    installed.clouds(beta=entry, alpha=alpha.clouds_entry())
    status, lines = check(installed)
    assert (status, lines["beta"][0]) == (1, "failed")
    assert "the entry beta of clouds.yaml" in lines["beta"][1]
    assert reason in lines["beta"][1]
    assert lines["alpha: Keystone"][0] == "ok"
    told = installed.run("collect", "--once")
    assert (told.status, told.out) == (1, "Polled alpha: 1 error.\n")
    assert reason in told.err
    assert "topsecret" not in f"{lines} {told}"


@pytest.mark.parametrize(
    "extra", [{"interface": "internalURL"}, {"interface": ["public", "admin"]}, {"colour": "red"}]
)
def test_entries_accepted_by_openstacksdk_are_accepted(
    installed: Installation, alpha: Double, extra: dict[str, Any]
) -> None:
    installed.clouds(alpha=alpha.clouds_entry() | extra | {"compute_api_version": "2"})
    assert "alpha" not in check(installed)[1]


def test_repeated_key_is_a_fault_of_its_entry(installed: Installation, alpha: Double) -> None:
    installed.clouds(alpha=alpha.clouds_entry())
    again = "  beta: {auth: {auth_url: a, auth_url: b}}\n  gamma: {}\n  gamma: {}\n"
    first = installed.clouds_yaml.read_text().count("\n") + 1
    with installed.clouds_yaml.open("a") as file:
        file.write(again)
    _, lines = check(installed)
    assert lines["beta"][1].endswith(
        f"beta of clouds.yaml holds the key auth_url twice (lines {first} and {first}): keep one "
        "of them"
    )
    assert f"gamma of clouds.yaml is there twice (lines {first + 1} and" in lines["gamma"][1]
    assert lines["alpha: Keystone"][0] == "ok"


def test_an_unknown_name_of_a_cloud_fails_beside_the_known_ones(
    installed: Installation, alpha: Double
) -> None:
    entry = alpha.clouds_entry()
    del entry["region_name"]
    installed.clouds(nordic=entry | {"regions": ["RegionOne", "south"]})
    status, lines = check(installed, "nordic:RegionOne", "nobody")
    assert status == 1
    assert {what.rpartition(": ")[0] for what in lines if ": " in what} == {"nordic:RegionOne"}
    assert lines["nobody"] == ("failed", "clouds.yaml has no entry nobody: it has nordic")
    assert installed.sentence("discover", "nobody") == lines["nobody"][1]


def test_unknown_cloud_name_is_refused(
    installed: Installation, alpha: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_CLOUD", "B")
    said = "clouds.yaml has no entry B, which is in OS_CLOUD: it has alpha"
    assert installed.sentence("discover") == said


def test_a_bad_entry_is_a_cloud_that_is_not_known(installed: Installation, alpha: Double) -> None:
    installed.clouds(beta=BAD["misspelt"][0], gamma=5, alpha=alpha.clouds_entry())
    installed.run("collect", "--once")
    told = installed.run("stats", "quota", "--strict")
    assert told.status == 1
    assert "clouds=1/3" in told.err


def test_a_bad_entry_that_was_mended_is_the_same_cloud(
    installed: Installation, alpha: Double
) -> None:
    installed.clouds(alpha=5)
    assert "is a int" in installed.sentence("discover")
    installed.clouds(alpha=alpha.clouds_entry())
    assert installed.run("collect", "--once").status == 0
    assert installed.run("stats", "quota", "--strict").status == 0


def test_a_cloud_whose_entry_became_bad_keeps_its_figures(
    installed: Installation, alpha: Double
) -> None:
    installed.run("collect", "--once")
    figures = installed.run("stats", "quota", "-f", "json").out
    installed.clouds(alpha=5)
    assert "is a int" in installed.sentence("collect", "--once")
    assert installed.run("stats", "quota", "-f", "json").out == figures


# -- the file


FILES = {
    "clouds:\n\talpha: {}\n": "line 2, column 1: found character '\\t' that cannot start any",
    "clouds: [a\n": "is not valid YAML: line 2, column 1",
    "alpha: {auth: {}}\n": "has no key 'clouds'",
    "- alpha\n": "has no key 'clouds'",
    "clouds:\n": "'clouds' must be a mapping of names to entries, not nothing",
    "clouds: [a]\n": "not a list",
}


@pytest.mark.parametrize("content", FILES)
def test_a_file_that_cannot_be_used_is_named_with_the_reason(
    installed: Installation, content: str
) -> None:
    installed.clouds_yaml.write_text(content)
    told = installed.run("collect", "--once")
    # openstacksdk may have warned before.
    said = told.err.splitlines()[-1].removeprefix("openstats: ")
    assert (told.status, told.out) == (1, "")
    assert said.startswith(str(installed.clouds_yaml))
    assert FILES[content] in said
    assert check(installed)[1]["clouds.yaml"] == ("failed", said)


def test_a_file_that_cannot_be_read(installed: Installation) -> None:
    installed.clouds_yaml.mkdir()
    said = installed.sentence("collect", "--once")
    assert said.startswith(f"{installed.clouds_yaml} cannot be read: Is a directory")


def test_an_option_names_the_file(
    installed: Installation, alpha: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = installed.directory / "named.yaml"
    named.write_text(yaml.safe_dump({"clouds": {"named": alpha.clouds_entry()}}))
    monkeypatch.setenv("OS_AUTH_URL", "http://127.0.0.1:9/v3")
    installed.configure("clouds", file=named)
    assert "Polled named: no errors" in installed.run("discover").out
    named.unlink()
    said = installed.sentence("discover")
    assert said == f"[clouds] file = {named}: no such file: create it, or correct the option"


def test_passwords_may_stand_beside_the_named_file(installed: Installation, alpha: Double) -> None:
    entry = alpha.clouds_entry()
    password = entry["auth"].pop("password")
    for name, cloud in {
        "clouds.yaml": entry,
        "secure.yaml": {"auth": {"password": password}},
    }.items():
        path = installed.directory / "named" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump({"clouds": {"alpha": cloud}}))
    installed.configure("clouds", file=installed.directory / "named" / "clouds.yaml")
    assert installed.run("discover").status == 0


# -- the environment


def test_an_option_in_the_environment_makes_no_cloud(
    installed: Installation, alpha: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OS_API__PORT", "8780")
    monkeypatch.setenv("OS_COLLECTOR__THREADS", "3")
    assert installed.run("discover").out.startswith("Polled alpha: no errors.\n")
    installed.clouds_yaml.unlink()
    assert installed.sentence("discover").startswith("No cloud configured")


def test_a_cloud_in_the_environment_is_one(
    installed: Installation, alpha: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed.clouds_yaml.unlink()
    for key, value in alpha.clouds_entry()["auth"].items():
        monkeypatch.setenv(f"OS_{key.upper()}", value)
    assert installed.run("discover").out.startswith("Polled envvars: no errors.\n")


# -- regions


def test_each_region_of_a_vendor_profile_is_a_cloud(
    installed: Installation, alpha: Double, monkeypatch: pytest.MonkeyPatch
) -> None:
    from openstack.config import loader

    entry = alpha.clouds_entry()
    profile = {"auth": {"auth_url": alpha.auth_url}, "regions": ["RegionOne", "RegionTwo"]}
    vendors = installed.directory / "clouds-public.yaml"
    vendors.write_text(json.dumps({"public-clouds": {"vendor": profile}}))
    monkeypatch.setattr(loader, "VENDOR_FILES", [str(vendors)])
    del entry["region_name"], entry["auth"]["auth_url"]
    installed.clouds(alpha=entry | {"profile": "vendor"})
    _, lines = check(installed)
    assert {what.rpartition(": ")[0] for what in lines if ": " in what} == {
        "alpha:RegionOne",
        "alpha:RegionTwo",
    }


SAMPLE = Path(__file__).parents[2] / "etc" / "openstats" / "clouds.yaml.sample"


def test_every_entry_of_the_sample_can_be_used(installed: Installation) -> None:
    installed.configure("collector", connect_timeout=1)
    installed.clouds_yaml.write_text(SAMPLE.read_text())
    _, lines = check(installed)
    tried = {what.removesuffix(": Keystone") for what in lines if what.endswith(": Keystone")}
    assert tried == {"frankfurt", "nordic:north", "nordic:south", "special", "zurich"}
    assert not tried & set(lines)
