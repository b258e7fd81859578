"""Customer rules: whose a Keystone project is, where names occur in several domains."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from openstats.clouds.clouds_yaml import customer_file
from openstats.clouds.clouds_yaml.customer_rules import Assignments, assign
from openstats.clouds.clouds_yaml.settings import Settings
from openstats.discovery import KeystoneProject
from openstats.errors import ConfigError

DOMAINS = {"default": "Default", "d1": "Initech", "d2": "heat", "d3": "magnum"}
KEYSTONE = "http://keystone.example"


def project(name: str, domain: str = "default", *tags: str) -> KeystoneProject:
    return KeystoneProject(
        id=f"{domain}-{name}",
        name=name,
        domain_id=domain,
        domain_name=DOMAINS[domain],
        parent_id=domain,
        enabled=True,
        tags=frozenset(f"openstats:customer={tag}" for tag in tags),
    )


def assigned(*projects: KeystoneProject, **settings: Any) -> Assignments:
    return assign(projects, Settings(**settings), KEYSTONE)


def customers(assignments: Assignments) -> Mapping[str, str]:
    """Return the names of customers by the ids of projects, without projects that have none."""
    return {p.project.id: p.customer_name for p in assignments.assignments if p.customer}


def file_settings(tmp_path: Path, document: str) -> dict[str, Any]:
    path = tmp_path / "customers.yaml"
    path.write_text(document)
    return {"customer_from": "file", "customer_file": str(path)}


# -- names that are somebody else's

WEB = "0123456789abcdef0123456789abcdef"
"""An id of a project of another Keystone, or of one that was deleted."""


def named(name: str, id: str, domain: str, domain_name: str) -> KeystoneProject:
    return KeystoneProject(id, name, domain, domain_name, None, True)


MASKED = {
    "an id": ("default-web", named("default-web", "x", "d9", "Evil")),
    "an id that is not here": (WEB, named(WEB, "x", "d9", "Evil")),
    "a domain and a name": ("Initech/web", named("Initech/web", "x", "d9", "Evil")),
    "a domain's id and a name": ("d1/web", named("d1/web", "x", "d9", "Evil")),
    "a name of a domain that is not here": ("Gone/web", named("Gone/web", "x", "d9", "Evil")),
    "a domain named like an id": ("d1/web", named("web", "x", "d9", "d1")),
    "a domain named like the default one": ("default/web", named("web", "x", "d9", "default")),
    "a domain named like an id that is not here": (f"{WEB}/web", named("web", "x", "d9", WEB)),
}


@pytest.mark.parametrize("case", MASKED)
def test_project_named_like_another_does_not_take_its_place(tmp_path: Path, case: str) -> None:
    spelling, masked = MASKED[case]
    projects = [masked, project("web"), project("web", "d1")]
    result = customers(assigned(*projects, **file_settings(tmp_path, f"Acme: [{spelling}]")))
    with_exclusion = customers(assigned(*projects, exclude_projects=(spelling,)))
    assert "x" not in result
    assert "x" in with_exclusion
    assert result.keys() == {"default-web", "d1-web"} - with_exclusion.keys()


@pytest.mark.parametrize("domain_name", ["d1", "default", WEB])
def test_no_domain_takes_the_place_of_another_by_its_name(domain_name: str) -> None:
    masked = named("web", "x", "d9", domain_name)
    settings = {"exclude_domains": (domain_name,), "default_domains": (domain_name,)}
    result = assigned(masked, project("web"), project("web", "d1"), **settings)
    assert "x" in customers(result)


@pytest.mark.parametrize("name", ["web/shop", WEB])
def test_names_that_look_like_more_mean_the_default_domain(tmp_path: Path, name: str) -> None:
    projects = [project(name), project(name, "d1")]
    result = assigned(*projects, **file_settings(tmp_path, f"Acme: [{name}]"))
    assert customers(result) == {f"default-{name}": "Acme"}


def test_two_spellings_of_one_project_under_two_customers_are_an_error(tmp_path: Path) -> None:
    settings = file_settings(tmp_path, "Acme: [Initech/web, web]\nOther: [d1-web]")
    with pytest.raises(ConfigError) as raised:
        assigned(project("web", "d1"), **settings)
    assert "'Initech/web' and 'd1-web' are the project Initech/web (d1-web)" in str(raised.value)
    assert "listed under 'Acme' and 'Other'" in str(raised.value)


# -- what is excluded


@pytest.mark.parametrize(
    ("excluded", "customer_projects"),
    [
        (("service", "admin"), {"default-web", "d1-service", "d1-admin"}),
        (("Initech/admin", "default/service"), {"default-web", "default-admin", "d1-service"}),
        (("d1/admin", "d1-service"), {"default-web", "default-admin", "default-service"}),
    ],
)
def test_excluded_names_are_those_of_their_domain(
    excluded: tuple[str, ...], customer_projects: set[str]
) -> None:
    projects = [project(n, d) for n in ("service", "admin") for d in ("default", "d1")]
    result = assigned(project("web"), *projects, exclude_projects=excluded)
    assert customers(result).keys() == customer_projects
    assert result.warnings == []


def test_a_name_that_only_one_project_has_excludes_it() -> None:
    result = assigned(project("web"), project("rally", "d1"), exclude_projects=("rally", "gone"))
    assert customers(result).keys() == {"default-web"}
    assert result.warnings == []


def test_a_name_that_may_mean_several_excludes_none() -> None:
    projects = [project("rally", "d1"), project("rally", "d2")]
    result = assigned(*projects, exclude_projects=("rally",), exclude_domains=())
    assert len(customers(result)) == 2
    (warning,) = result.warnings
    assert "'rally' is ambiguous and excludes no project: Initech/rally (d1-rally), heat" in warning


def test_the_default_leaves_customers_their_own_projects_of_these_names() -> None:
    assert len(customers(assigned(project("admin", "d1"), project("service", "d1")))) == 2


def test_default_domains_may_be_others() -> None:
    settings = {"default_domains": ("Initech",), "exclude_projects": ("admin",)}
    result = assigned(project("admin"), project("admin", "d1"), **settings)
    assert customers(result) == {"default-admin": "Default"}


def test_domains_of_trusts_are_no_customers() -> None:
    projects = [project("web"), project("stack-user", "d2"), project("trust", "d3")]
    assert customers(assigned(*projects)) == {"default-web": "Default"}
    assert customers(assigned(*projects, exclude_domains=("default", "d3"))) == {
        "d2-stack-user": "heat"
    }


# -- names that tags and the regular expression find


@pytest.mark.parametrize(
    "settings",
    [{"customer_from": "tag"}, {"customer_from": "regex", "customer_regex": "(?P<customer>acme)-"}],
)
def test_another_domain_cannot_join_a_customer_by_its_name(settings: dict[str, Any]) -> None:
    projects = [project("acme-web", "default", "acme"), project("acme-x", "d1", "acme")]
    result = assigned(*projects, **settings)
    assert customers(result) == {"default-acme-web": "acme", "d1-acme-x": "Initech/acme"}
    assert len({assignment.customer for assignment in result.assignments}) == 2
    shared = assigned(*projects, default_domains=("default", "d1"), **settings)
    assert len({assignment.customer for assignment in shared.assignments}) == 1


def test_long_names_of_other_domains_fit_the_store() -> None:
    result = assigned(project("web", "d1", "x" * 236), customer_from="tag")
    (assignment,) = result.assignments
    assert assignment.customer
    assert len(assignment.customer.key) <= 255
    assert len(assignment.customer_name) <= 255


# -- customer_file


def test_a_listed_name_means_the_default_domain_first(tmp_path: Path) -> None:
    projects = [project("web"), project("web", "d1"), project("shop", "d1")]
    result = assigned(*projects, **file_settings(tmp_path, "Acme: [web, shop]"))
    assert customers(result) == {"default-web": "Acme", "d1-shop": "Acme"}
    (warning,) = result.warnings
    assert "Default/web (default-web), Initech/web (d1-web)" in warning


@pytest.mark.parametrize("spelling", ["Initech/web", "d1/web", "d1-web"])
def test_a_domain_or_an_id_tells_namesakes_apart(tmp_path: Path, spelling: str) -> None:
    projects = [project("web"), project("web", "d1")]
    result = assigned(*projects, **file_settings(tmp_path, f"Acme: [{spelling}]"))
    assert customers(result) == {"d1-web": "Acme"}
    assert result.warnings == []


def test_a_name_that_may_mean_several_is_an_error(tmp_path: Path) -> None:
    document = file_settings(tmp_path, "Acme: [web]")
    with pytest.raises(ConfigError) as raised:
        assigned(project("web", "d1"), project("web", "d2"), exclude_domains=(), **document)
    assert "'web' is ambiguous: Initech/web (d1-web), heat/web (d2-web)" in str(raised.value)


@pytest.mark.parametrize("spelling", ["no", "007", "1_000", "2026-11-01", "~", "1:30", "0x1F"])
def test_scalars_of_the_customer_file_stay_text(tmp_path: Path, spelling: str) -> None:
    settings = file_settings(tmp_path, f"Acme: {spelling}\n{spelling}: [Initech/{spelling}]")
    result = assigned(project(spelling), project(spelling, "d1"), **settings)
    assert customers(result) == {f"default-{spelling}": "Acme", f"d1-{spelling}": spelling}


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ("Acme: [web]\nAcme: [shop]", "the key 'Acme' is repeated"),
        ("Acme: [web]\nOther: [web]", "'web' is listed under 'Acme' and 'Other'"),
        ("Acme: {web: shop}", "the projects of 'Acme' must be a list of names"),
        ("Acme: [[web]]", "the projects of 'Acme' must be a list of names"),
        ("Acme: ['']", "the projects of 'Acme' must be a list of names"),
        ("[Acme]: web", "unhashable"),
        ('"a\\nb": [web]', "the name of the customer 'a\\nb'... has U+000A at character 2"),
        ("Acme, web", "it must be a mapping"),
        ("", "it must be a mapping"),
    ],
)
def test_a_file_that_says_too_little_is_an_error(tmp_path: Path, document: str, words: str) -> None:
    path = file_settings(tmp_path, document)["customer_file"]
    with pytest.raises(ConfigError, match=r"customer_file .* cannot be used: ") as raised:
        customer_file.read(path)
    assert words in str(raised.value)
