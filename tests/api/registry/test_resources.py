"""What a resource's URLs take follows from its bodies, its writer and its actions."""

from typing import Any

import pytest
from pydantic import BaseModel

from openstats.api.registry.documents import audit_record
from openstats.api.registry.resources import Resource
from openstats.api.registry.writers import ObjectWriter
from openstats.http.body import Body
from openstats.http.parameters.lists import ListParameters
from openstats.storage.entries.audit import AUDIT

READING = ("GET", "HEAD")
URL, ENTRY = "/api/cloud-things/", "/api/cloud-things/{uuid}/"


def resource(**fields: Any) -> Resource:
    """Return a resource whose name has a hyphen."""
    return Resource(
        name="cloud-things",
        kind="cloud_thing",
        summary="Things.",
        listing=AUDIT,
        document=audit_record,
        entry=BaseModel,
        filters=ListParameters,
        **fields,
    )


@pytest.mark.parametrize(
    ("fields", "methods"),
    [
        ({}, {URL: READING, ENTRY: READING}),
        ({"bodies": {"POST": Body}}, {URL: (*READING, "POST"), ENTRY: READING}),
        ({"bodies": {"PATCH": Body}}, {URL: READING, ENTRY: (*READING, "PATCH")}),
        (
            {"bodies": {"POST": Body, "PUT": Body}, "writer": ObjectWriter("project")},
            {URL: (*READING, "POST"), ENTRY: (*READING, "PUT", "DELETE")},
        ),
        (
            {"actions": {"close": lambda *_: None}},
            {URL: READING, ENTRY: READING, f"{ENTRY}close/": ("POST",)},
        ),
    ],
)
def test_methods_of_each_url(fields: Any, methods: dict[str, tuple[str, ...]]) -> None:
    assert resource(**fields).methods == methods


@pytest.mark.parametrize(
    ("method", "rule"),
    [
        ("GET", "openstats:cloud-things:get"),
        ("HEAD", "openstats:cloud-things:get"),
        ("POST", "openstats:cloud-things:write"),
        ("DELETE", "openstats:cloud-things:write"),
    ],
)
def test_reading_and_writing_have_a_rule_each(method: str, rule: str) -> None:
    assert resource().permission(method) == rule


def test_a_list_holds_its_entries_under_a_name_without_hyphens() -> None:
    assert resource().key == "cloud_things"
