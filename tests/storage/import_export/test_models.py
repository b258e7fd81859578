"""Registry documents: what entries may hold, and the sentences that refuse anything else."""

from typing import Any

import pytest

from openstats.errors import RegistryError
from openstats.storage.import_export.models import parse
from openstats.storage.registry.grants import GrantValues

UUID = "6f1c6a1e-3a0b-4c55-9a55-0d6c2b0f7a10"
GRANT = {"subject": "jane", "role": "owner", "scope": {"customer": UUID}}
ORIGIN = "customer: origin must have keystone (a text of at most 1024 characters) and id (of at"


def refusal(content: Any) -> str:
    with pytest.raises(RegistryError) as raised:
        parse(content)
    return str(raised.value)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ([], "document: must be a mapping of customers, grants, unlinked"),
        ({"customer": []}, "document: no key customer; there are customers, grants, unlinked"),
        ({5: []}, "document: no key 5; there are customers, grants, unlinked"),
        ({"customers": {"name": "x"}}, "document: customers must be a list"),
        ({"customers": ["x"]}, "customer: must be a mapping of created_at, name, origin"),
        ({"unlinked": [1]}, "tenant: must be a mapping of cloud, tenant_id (tenant number 1)"),
    ],
)
def test_a_document_is_a_mapping_of_lists_of_mappings(content: Any, problem: str) -> None:
    assert refusal(content).startswith(problem)


@pytest.mark.parametrize(
    ("customer", "problem"),
    [
        ({}, "customer: needs a name and has none; a name has 1 to 255"),
        ({"name": ""}, "customer: needs a name and has one with 0 characters"),
        ({"name": 5}, "customer: needs a name and has one with 5 is not a text, put it in"),
        ({"name": "a\x00"}, "customer: needs a name and has one with U+0000 at character 2"),
        ({"name": "a" * 256}, "customer: needs a name and has one with 256 characters"),
        ({"name": "a", "nmae": 1}, "customer: no key nmae; there are created_at, name, origin"),
        ({"name": "a", "uuid": "x"}, "customer: 'x' is not a uuid (customer 'a')"),
        ({"name": "a", "created_at": -1}, "customer: created_at must be Unix seconds up to"),
        ({"name": "a", "created_at": True}, "customer: created_at must be Unix seconds up to"),
        ({"name": "a", "created_at": 2**70}, "customer: created_at must be Unix seconds up to"),
        ({"name": "a", "origin": "x"}, ORIGIN),
        ({"name": "a", "origin": {"id": "x"}}, ORIGIN),
        ({"name": "a", "origin": {"keystone": 1, "id": []}}, ORIGIN),
        ({"name": "a", "origin": {"keystone": "k" * 1025, "id": "x"}}, ORIGIN),
        ({"name": "a", "origin": {"keystone": "k", "id": "\x00"}}, ORIGIN),
        ({"name": "a", "projects": {"name": "p"}}, "customer: projects must be a list"),
        ({"name": "a", "projects": [{"name": "p", "tenants": [1]}]}, "tenant: must be a"),
        ({"name": "a", "project_groups": [{"name": "g", "projects": ["x"]}]}, "project_group: 'x'"),
    ],
)
def test_an_object_that_is_refused(customer: Any, problem: str) -> None:
    assert refusal({"customers": [customer]}).startswith(problem)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"user_id": "u"}, "grant: must have exactly one of user_id, group_id, subject"),
        ({"subject": None}, "grant: must have exactly one of user_id, group_id, subject"),
        ({"subject": 7}, "grant: must have exactly one of user_id, group_id, subject"),
        ({"role": "admin"}, "grant: role on a customer is owner, not 'admin'"),
        ({"scope": {}}, "grant: scope must have exactly one of customer, project_group"),
        ({"scope": {"tenant": UUID}}, "grant: scope must have exactly one of customer"),
        ({"scope": {"customer": "x"}}, "grant: 'x' is not a uuid (grant number 1)"),
        ({"colour": "red"}, "grant: no key colour; there are group_id, role"),
    ],
)
def test_a_grant_that_is_refused(changes: Any, problem: str) -> None:
    assert refusal({"grants": [GRANT | changes]}).startswith(problem)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("a\tb", "U+0009 at character 2"),
        ("a\u202eb", "U+202E at character 2"),
        ("x" * 256, "256 characters"),
        (False, "False is not a text, put it in quotes"),
        (None, "has none"),
    ],
)
def test_an_error_names_the_object_and_the_reason(name: object, reason: str) -> None:
    projects = [{"name": "good"}, {"name": name}]
    sentence = refusal({"customers": [{"name": "Acme\u3000", "projects": projects}]})
    assert sentence.startswith("project: needs a name and ")
    assert reason in sentence
    assert "of customer 'Acme\u3000')" in sentence
    assert sentence.replace("\u3000", " ").isprintable()


def test_what_is_read_later_can_be_refused_in_the_same_words() -> None:
    projects = [{"name": "p", "tenants": [{"cloud": "x"}, {}]}]
    document = parse({"customers": [{"name": "a", "projects": projects}]})
    tenant = document.customers[0].projects[0].tenants[1]
    assert str(tenant.error("no")) == "tenant: no (tenant number 2 of project 'p' of customer 'a')"


@pytest.mark.parametrize("nothing", [None, [], {}, "", 0])
def test_a_list_may_be_left_empty_in_any_way(nothing: Any) -> None:
    assert parse({"customers": nothing, "grants": nothing}).customers == []
    assert parse({"customers": [{"name": "a", "projects": nothing}]}).customers[0].projects == []


@pytest.mark.parametrize("uuid", [UUID.replace("-", ""), f"{{{UUID}}}", f"urn:uuid:{UUID}"])
def test_a_uuid_may_be_spelled_in_any_way(uuid: str) -> None:
    assert parse({"customers": [{"name": "a", "uuid": uuid}]}).customers[0].uuid == UUID


def test_a_creation_date_that_is_null_is_not_one_that_is_left_out() -> None:
    document = parse({"customers": [{"name": "a", "created_at": None}, {"name": "b"}]})
    with_null, without = document.customers
    assert with_null.columns()["created_at"] is None
    assert "created_at" not in without.columns()


def test_a_grant_on_a_cloud_has_its_name() -> None:
    (grant,) = parse({"grants": [GRANT | {"role": "admin", "scope": {"cloud": "alpha"}}]}).grants
    assert grant.values() == GrantValues("subject", "jane", "admin", "cloud", "alpha")
