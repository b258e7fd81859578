"""``check``: tries everything, and says what answers and which rights lack."""

import json
from itertools import chain
from pathlib import Path

import pytest
import yaml

from openstats.clouds import rights
from tests.cli.check.running import check, lines
from tests.cli.installation import Installation
from tests.double import Double, Settings
from tests.edge import Edge, Rewrite, Status


def test_every_check_is_ok(installed: Installation, alpha: Double) -> None:
    assert check(installed) == (
        0,
        {
            "configuration": ("ok", str(installed.conf)),
            "policy": ("ok", "default rules"),
            "store": ("ok", f"sqlite:///{installed.store}"),
            "alpha: Keystone": ("ok", "5 projects"),
            "alpha: customers": ("ok", "2 customers; 2 projects without a customer"),
            "alpha: Nova, hypervisors": ("ok", "256 vCPUs"),
            "alpha: Placement": ("ok", "microversion 1.36, 1 provider"),
            "alpha: Nova, zones": ("ok", "1 availability zone, 1 hypervisor"),
            "alpha: Nova, servers": ("ok", "microversion 2.87, servers found"),
            "alpha: Nova, quotas": ("ok", "3 resources"),
            "alpha: Cinder, volumes": ("ok", "microversion 3.70, 3 tenants with volumes"),
            "alpha: Cinder, quotas": ("ok", "1 resource, 2 volume types"),
            "alpha: usage, nova": ("ok", "cpu"),
            "alpha: clocks": ("ok", "no clock is off by a minute"),
        },
    )


def test_too_many_servers_for_diagnostics_fail(installed: Installation, alpha: Double) -> None:
    with installed.conf.open("a") as conf:
        conf.write("[usage]\ndiagnostics_max_instances = 2\n")
    status, found = check(installed)
    state, said = found["alpha: usage, nova"]
    assert (status, state) == (1, "failed")
    assert said.startswith("more than 2 servers are running")
    assert "meter_source = gnocchi or prometheus" in said


def test_a_silent_meter_source_fails(installed: Installation, alpha: Double) -> None:
    source = {"meter_source": "prometheus", "meter_options": {"url": "http://127.0.0.1:9"}}
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": source})
    status, found = check(installed)
    assert (status, found["alpha: usage, prometheus"][0]) == (1, "failed")
    assert "its range query" in found["alpha: usage, prometheus"][1]


def test_an_unknown_meter_source_fails(installed: Installation, alpha: Double) -> None:
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": {"meter_source": "guesses"}})
    said = "meter_source = guesses: unknown source: must be one of gnocchi, nova, prometheus"
    assert check(installed)[1]["alpha: usage, guesses"] == ("failed", said)


def test_as_a_table(installed: Installation, alpha: Double) -> None:
    told = installed.run("check")
    assert (told.status, told.err) == (0, "")
    assert "| alpha: Keystone " in told.out


def test_only_calls_of_the_collector_are_checked(installed: Installation, alpha: Double) -> None:
    settings = {"capacity_source": "placement", "block_storage": False}
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": settings})
    status, found = check(installed)
    assert status == 0
    assert not [what for what in found if "Cinder" in what or "hypervisors" in what]


@pytest.mark.parametrize("source", ["auto", "nova", "placement"])
def test_a_cloud_without_placement(installed: Installation, alpha: Double, source: str) -> None:
    catalog = alpha.site.catalog
    catalog[:] = [endpoint for endpoint in catalog if endpoint.type != "placement"]
    settings = {"capacity_source": source}
    installed.clouds(alpha=alpha.clouds_entry() | {"openstats": settings})
    status, found = check(installed)
    state, said = found["alpha: Placement"]
    needed = source == "placement"
    assert (status, state) == (int(needed), "failed" if needed else "ok")
    assert "not in the catalog" in said


def test_a_wrong_password(installed: Installation, alpha: Double) -> None:
    entry = alpha.clouds_entry()
    entry["auth"]["password"] = "topsecret"
    installed.clouds(alpha=entry)
    status, found = check(installed)
    assert status == 1
    assert found["store"][0] == "ok"
    state, said = found.pop("alpha: Keystone")
    assert state == "failed"
    assert "HTTP 401: Keystone refuses the credential" in said
    rest = [line for what, line in found.items() if what.startswith("alpha: ")]
    assert len(rest) == 10
    assert set(rest) == {("skipped", "see alpha: Keystone")}
    assert "topsecret" not in str(found)


NOVA, CINDER = "os_compute_api:", "volume_extension:"
SERVERS, ONE = "servers/detail", "/compute/.*servers/[0-9a-f-]{36}$"
PROVIDERS = "placement:resource_providers:"
RIGHTS = {
    "/v3/domains": ("Keystone", "identity:list_domains"),
    r"/v3/projects(\?|$)": ("Keystone", "identity:list_projects"),
    "/v3/projects/.": ("Keystone", "identity:get_project"),
    "statistics": ("Nova, hypervisors", f"{NOVA}os-hypervisors:statistics"),
    "os-hypervisors/detail": ("Nova, zones", f"{NOVA}os-hypervisors:list-detail"),
    "/resource_providers$": ("Placement", f"{PROVIDERS}list"),
    "/inventories": ("Placement", f"{PROVIDERS}inventories:list"),
    "/usages": ("Placement", f"{PROVIDERS}usages"),
    "/resource_providers/[0-9a-f-]{32,}$": ("Placement", f"{PROVIDERS}show"),
    "/traits$": ("Placement", f"{PROVIDERS}traits:list"),
    "/servers[?]all_tenants=1$": (
        "Nova, servers",
        f"{NOVA}servers:index and {NOVA}servers:index:get_all_tenants",
    ),
    SERVERS: ("Nova, servers", f"{NOVA}servers:detail and {NOVA}servers:detail:get_all_tenants"),
    "/os-services": ("Nova, servers", f"{NOVA}os-services:list"),
    ONE: ("Nova, servers", f"{NOVA}servers:show and context_is_admin"),
    "/compute/.*os-quota-sets": ("Nova, quotas", f"{NOVA}os-quota-sets:detail"),
    "volumes/detail": ("Cinder, volumes", "volume:get_all"),
    "snapshots/detail": ("Cinder, volumes", "volume:get_all_snapshots"),
    "/volume/.*os-quota-sets": ("Cinder, quotas", f"{CINDER}quotas:show"),
    "diagnostics": ("usage, nova", f"{NOVA}os-server-diagnostics and context_is_admin"),
}
"""What is missing where, and by which rules, by what is refused."""

# Whose use is measured, is learnt from the servers.
NEEDED_TWICE = {SERVERS: "usage, nova", "/os-services": "Nova, zones"}

POLICY = Path(__file__).parents[3] / "etc" / "policy"
FIXED: dict[str, set[str]] = {
    "Nova": {"admin_api", "admin_or_owner"},
    "Cinder": {"admin_api", "admin_or_owner"},
    "Placement": set(),
    "Keystone": set(),
}
"""Overrides that no call needs: they are against an admin."""


@pytest.mark.parametrize("refused", RIGHTS)
def test_a_missing_right_is_reported_with_its_rule(
    installed: Installation, edge: Edge, alpha: Double, refused: str
) -> None:
    what, rules = RIGHTS[refused]
    edge.rule(refused, Status(403))
    status, found = check(installed)
    assert status == 1
    state, said = found.pop(f"alpha: {what}")
    assert state == "no permission"
    assert f": allow {rules} in " in said
    service = "Nova" if what.startswith("usage") else what.partition(",")[0]
    assert said.endswith(f"{service}'s policy, see etc/policy/{service.lower()}.yaml")
    if refused in NEEDED_TWICE:
        assert found.pop(f"alpha: {NEEDED_TWICE[refused]}")[0] == "no permission"
    if found["alpha: customers"][0] == "skipped":
        assert (what, found.pop("alpha: customers")[1]) == ("Keystone", "see alpha: Keystone")
    assert {state for state, _ in found.values()} == {"ok"}


NOT_SHOWN = {
    "OS-EXT-SRV-ATTR:hypervisor_hostname": (
        "Nova, servers",
        f"{NOVA}os-extended-server-attributes",
    ),
    "os-vol-tenant-attr:tenant_id": ("Cinder, volumes", f"{CINDER}volume_tenant_attribute"),
    "os-extended-snapshot-attributes:project_id": (
        "Cinder, volumes",
        f"{CINDER}extended_snapshot_attributes",
    ),
}


@pytest.mark.parametrize("attribute", NOT_SHOWN)
def test_a_missing_right_that_hides_an_attribute_is_reported(
    installed: Installation, edge: Edge, alpha: Double, attribute: str
) -> None:
    what, rule = NOT_SHOWN[attribute]
    alpha.create_snapshot(next(iter(alpha.state.volumes)))
    edge.rule("/detail[?]", Rewrite(lambda body: body.replace(attribute.encode(), b"hidden")))
    status, found = check(installed)
    assert (status, found[f"alpha: {what}"][0]) == (1, "no permission")
    assert f": allow {rule} in " in found[f"alpha: {what}"][1]


ONLY_FOR_ADMINS = {
    "openstats=1": (Status(400), "Cinder, volumes", "leaves other tenants' out"),
    ONE: (Status(404), "Nova, servers", "does not show other tenants' servers"),
    "diagnostics": (Status(404), "usage, nova", "does not tell of other tenants' servers"),
}


@pytest.mark.parametrize("refused", ONLY_FOR_ADMINS)
def test_missing_admin_role_is_reported_per_service(
    installed: Installation, edge: Edge, alpha: Double, refused: str
) -> None:
    action, what, symptom = ONLY_FOR_ADMINS[refused]
    edge.rule(refused, action)
    status, found = check(installed)
    state, said = found.pop(f"alpha: {what}")
    assert (status, state) == (1, "no permission")
    assert f" {symptom}: allow " in said
    assert "context_is_admin" in said
    assert {state for state, _ in found.values()} == {"ok"}


def test_every_right_has_its_override_and_every_override_its_right() -> None:
    needed: dict[str, set[str]] = {service: set() for service in FIXED}
    for right in chain.from_iterable(rights.RIGHTS.values()):
        needed[right.service].update(right.rules)
    for service, fixed in FIXED.items():
        given = yaml.safe_load((POLICY / f"{service.lower()}.yaml").read_text())
        assert set(given) == needed[service] | fixed
        assert all("role:openstats" in rule for rule in given.values())


def test_an_unreachable_cloud_fails_alone(installed: Installation, alpha: Double) -> None:
    gone = alpha.clouds_entry()
    gone["auth"] |= {"auth_url": "http://127.0.0.1:1/v3"}
    installed.clouds(alpha=alpha.clouds_entry(), beta=gone)
    status, found = check(installed)
    assert status == 1
    assert found["alpha: Keystone"][0] == "ok"
    state, said = found["beta: Keystone"]
    assert state == "failed"
    assert said.endswith("[Errno 111] Connection refused")
    assert check(installed, "alpha")[0] == 0


def test_a_cloud_with_old_microversions_fails(installed: Installation) -> None:
    with Double(settings=Settings(compute_max=(2, 40))) as double:
        installed.clouds(alpha=double.clouds_entry())
        status, found = check(installed)
    assert status == 1
    assert found["alpha: Nova, servers"] == (
        "failed",
        "alpha: compute serves microversions 2.1 to 2.40, openstats supports 2.47 to 2.87",
    )


def test_without_clouds_yaml_a_sentence_says_what_to_do(installed: Installation) -> None:
    status, found = check(installed)
    assert status == 1
    assert found["clouds.yaml"][0] == "failed"
    assert "create a clouds.yaml" in found["clouds.yaml"][1]


@pytest.mark.parametrize("broken", ["no schema", "no store"])
def test_a_missing_store_and_clouds_yaml_fail(bare: Installation, broken: str) -> None:
    if broken == "no store":
        bare.configure("database", connection="mysql://a:topsecret@b/c")
    status, found = check(bare)
    assert (status, found["store"][0], found["configuration"][0]) == (1, "failed", "ok")
    assert "topsecret" not in str(found)
    assert found["clouds.yaml"][0] == "failed"


def test_each_wrong_value_is_a_row_and_the_rest_is_not_tried(bare: Installation) -> None:
    bare.configure("collector", threads="many")
    bare.configure("api", port="80a")
    rows = json.loads(bare.run("check", "-f", "json").out)
    assert [tuple(row.values()) for row in rows] == [
        (
            "configuration",
            "failed",
            f"{bare.conf}: [collector] threads = many: must be an integer from 1 to 64",
        ),
        (
            "configuration",
            "failed",
            f"{bare.conf}: [api] port = 80a: must be an integer from 0 to 65535",
        ),
        ("policy", "skipped", "see configuration"),
        ("store", "skipped", "see configuration"),
        ("clouds.yaml", "skipped", "see configuration"),
    ]


def only_configuration(installed: Installation) -> list[str]:
    """Return what is wrong in the configuration; there is no second row that says it is right."""
    rows = json.loads(installed.run("check", "-f", "json").out)
    rows = [row for row in rows if row["check"] == "configuration"]
    assert {row["status"] for row in rows} == {"failed"}
    return [row["detail"] for row in rows]


REFUSED = {
    "an open door": {"api": {"host": "0.0.0.0"}},
    "a log without a directory": {"DEFAULT": {"log_file": "/nowhere/openstats.log"}},
    "a log that is a directory": {"DEFAULT": {"log_file": "/tmp"}},
    "a file of the log that is not there": {"DEFAULT": {"log_config_append": "/nowhere.conf"}},
    "a value of a library": {"cors": {"max_age": "x"}},
}


@pytest.mark.parametrize("kind", REFUSED)
def test_check_fails_with_the_sentence_of_serve(
    installed: Installation, alpha: Double, kind: str
) -> None:
    for group, options in REFUSED[kind].items():
        installed.configure(group, **options)
    (said,) = only_configuration(installed)
    assert installed.sentence("serve", "--port", "0") == said


@pytest.mark.parametrize("option", ["[receiver:p] clouds", "[identity] clouds"])
def test_an_unknown_cloud_in_an_option_fails(
    installed: Installation, alpha: Double, option: str
) -> None:
    installed.configure("alerts", receivers="p")
    installed.configure("receiver:p", keystone="true", role="alerter")
    installed.configure(option[1 : option.index("]")], clouds="alpha, Z")
    rows = json.loads(installed.run("check", "-f", "json").out)
    assert f"{option}: cloud Z not found; known clouds: alpha" in [row["detail"] for row in rows]


def test_an_exclusion_without_effect_is_a_warning(installed: Installation, alpha: Double) -> None:
    installed.configure("clouds", exclude_projects="default/admin, nope", exclude_domains="gone")
    status, found = check(installed)
    state, said = found["alpha: customers"]
    assert (status, state) == (0, "warning")
    assert "exclude_projects: this cloud has no project 'nope'" in said
    assert "exclude_domains: this cloud has no domain of a project 'gone'" in said
    assert "default/admin" not in said


def test_directories_of_the_configuration_are_named(installed: Installation, alpha: Double) -> None:
    directory = installed.directory / "conf.d"
    directory.mkdir()
    told = installed.run("--config-dir", str(directory), "check", "-f", "json")
    assert lines(told)["configuration"] == ("ok", f"{installed.conf}, {directory}")


def test_texts_of_a_cloud_are_shown_escaped(
    installed: Installation, edge: Edge, alpha: Double
) -> None:
    body = json.dumps({"forbidden": {"message": "=cmd()\x1b[31m\nmore", "code": 403}})
    kind = {"Content-Type": "application/json"}
    edge.rule("statistics", Status(403, kind, body.encode()))
    for formatter in ("table", "csv", "json", "yaml", "value"):
        told = installed.run("check", "-f", formatter)
        assert told.status == 1
        assert "\x1b" not in told.out
        assert "\\u001b" not in told.out


@pytest.mark.parametrize(
    ("section", "text", "said"),
    [
        ("configuration", "[api]\nprot = 1\n", "[api] prot: unknown option; did you mean port?"),
        ("configuration", "[alerts]\nquota_warning = 99\n", "no Warning is ever raised"),
        ("policy", "[oslo_policy]\npolicy_file = {policy}\n", "openstats has no such rules"),
        ("policy", "[oslo_policy]\npolicy_file = {policy}.no\n", "the file does not exist"),
    ],
)
def test_misspelt_keys_fail(
    installed: Installation, alpha: Double, section: str, text: str, said: str
) -> None:
    policy = installed.directory / "policy.yaml"
    policy.write_text('"openstats:qouta:get": "@"\n')
    with installed.conf.open("a") as conf:
        conf.write(text.format(policy=policy))
    status, lines = check(installed)
    assert status == 1
    # The last line of a name is the one that says what is wrong.
    state, words = lines[section]
    assert state == "failed"
    assert said in words
    assert lines["alpha: Nova, hypervisors"] == ("ok", "256 vCPUs")


def test_warnings_do_not_fail_the_check(installed: Installation, alpha: Double) -> None:
    receiver = "[alerts]\nreceivers = aodh\n[receiver:aodh]\nkeystone = true\n"
    with installed.conf.open("a") as conf:
        conf.write(receiver)
    status, lines = check(installed)
    assert status == 0
    state, words = lines["configuration"]
    assert state == "warning"
    assert words.startswith("[receiver:aodh] has keystone = true and no role")
