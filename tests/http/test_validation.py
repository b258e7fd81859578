"""Error messages about fields of bodies: which words they use, and what they say is allowed."""

from collections.abc import Iterator

import pytest
from pydantic import BaseModel, ValidationError

from openstats.api.alerts.entries import AlertScope, NewAlert
from openstats.api.alerts.notifications import Alarm, Webhook, WebhookAlert
from openstats.api.registry.models import GrantScope, NewGrant
from openstats.api.routes import RESOURCES
from openstats.http.validation import MESSAGES, sentences

BODIES = [body for resource in RESOURCES for body in resource.bodies.values()]
RECEIVED = [Alarm, Webhook, WebhookAlert]
VALUES = [None, True, -1, 2**70, 1.5, "", "x", "x" * 5000, [], [None], ["x"] * 10001, {}, {"a": 1}]
TYPES = {*MESSAGES, "missing", "extra_forbidden"}


def details(model: type[BaseModel], document: object) -> list[str]:
    with pytest.raises(ValidationError) as invalid:
        model.model_validate(document)
    return sentences(model, invalid.value, "field")


def wrong_documents(model: type[BaseModel]) -> Iterator[object]:
    for value in VALUES:
        yield value
        for name in model.model_fields:
            yield {name: value}


@pytest.mark.parametrize("model", [*BODIES, *RECEIVED])
def test_no_message_has_the_words_of_pydantic(model: type[BaseModel]) -> None:
    types = set()
    for document in wrong_documents(model):
        try:
            model.model_validate(document)
        except ValidationError as invalid:
            types |= {error["type"] for error in invalid.errors()}
    assert types
    assert types <= TYPES


@pytest.mark.parametrize(("model", "scope"), [(NewGrant, GrantScope), (NewAlert, AlertScope)])
def test_an_unknown_nested_field_gets_the_allowed_ones(
    model: type[BaseModel], scope: type[BaseModel]
) -> None:
    names = ", ".join(scope.model_fields)
    detail = f"scope.foo: unknown field; must be one of {names}"
    assert detail in details(model, {"scope": {"foo": 1}})


@pytest.mark.parametrize(
    ("document", "detail"),
    [
        ({"role": "king"}, "role=king: must be 'owner', 'manager' or 'admin'"),
        ({"scope": []}, "scope=[]: must be a JSON object"),
        ({"scope": {"cloud": 5}}, "scope.cloud=5: must be a string"),
        ({"subject": ""}, "subject=: must not be empty"),
        ({"subject": "x" * 256}, f"subject={'x' * 100}...: must have at most 255 characters"),
    ],
)
def test_a_message_has_the_field_its_value_and_what_is_allowed(
    document: object, detail: str
) -> None:
    assert detail in details(NewGrant, document)


def test_a_value_in_a_list_is_named_by_its_place_in_the_body() -> None:
    with pytest.raises(ValidationError) as invalid:
        WebhookAlert.model_validate(5)
    assert sentences(WebhookAlert, invalid.value, "field", ("alerts", 0)) == [
        "alerts.0=5: must be a JSON object"
    ]
