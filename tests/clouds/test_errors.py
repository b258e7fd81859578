"""What goes wrong with a cloud: which error it becomes, and in whose words."""

import json
from typing import Any

import pytest
import requests
from keystoneauth1.exceptions import EndpointNotFound, HttpError, from_response

from openstats.clouds.errors import translated
from openstats.clouds.figures import FigureError
from openstats.errors import (
    CloudError,
    OddFigureError,
    RefusedError,
    ServiceMissingError,
    StoppedError,
    VersionRefusedError,
)


def refusal(status: int, document: Any = None, **headers: str) -> HttpError:
    """Return keystoneauth's error of a response."""
    response = requests.Response()
    response.status_code = status
    response.headers.update({"Content-Type": "application/json"} | headers)
    response._content = json.dumps(document).encode()
    error = from_response(response, "GET", "http://nova/servers")
    assert isinstance(error, HttpError)
    return error


def translation(error: Exception) -> CloudError:
    with pytest.raises(CloudError) as raised, translated("alpha", "Nova's servers"):
        raise error
    return raised.value


KINDS = [
    (refusal(403), RefusedError),
    (refusal(404), RefusedError),
    (refusal(410), RefusedError),
    (refusal(406), VersionRefusedError),
    (refusal(400), CloudError),
    (refusal(503), CloudError),
    (EndpointNotFound("none"), ServiceMissingError),
    (FigureError("vcpus is -1"), OddFigureError),
    (KeyError("servers"), CloudError),
    (RecursionError("deep"), CloudError),
    (OSError("no such file"), CloudError),
]


@pytest.mark.parametrize(("error", "kind"), KINDS, ids=[repr(error) for error, _ in KINDS])
def test_an_error_becomes_one_of_the_project(error: Exception, kind: type[CloudError]) -> None:
    assert type(translation(error)) is kind


@pytest.mark.parametrize("error", [StoppedError("stopping"), AssertionError(), NameError()])
def test_errors_that_no_cloud_causes_pass(error: Exception) -> None:
    with pytest.raises(type(error)), translated("alpha", "Nova's servers"):
        raise error


WORDS = [
    (
        {"forbidden": {"message": "Policy does not allow it", "code": 403}},
        "Policy does not allow it",
    ),
    ({"message": "Policy does not allow it", "code": 403}, "Policy does not allow it"),
    ({"error": {"message": "You are not authorized", "code": 403}}, "You are not authorized"),
    ({"errors": [{"title": "Not allowed", "detail": "why"}]}, "Not allowed"),
    ({"forbidden": {"message": "one line\nand another"}}, "one line"),
    ({"forbidden": {"message": ["no text"]}}, "Unrecognized schema in response body."),
    ({"forbidden": "no object"}, "Unrecognized schema in response body."),
    ([], "Unrecognized schema in response body."),
]


@pytest.mark.parametrize(("document", "words"), WORDS)
def test_the_words_are_the_service_s_own(document: Any, words: str) -> None:
    error = translation(refusal(403, document))
    assert str(error) == f"alpha: Nova's servers: HTTP 403: {words}"


def test_the_id_of_the_request_is_named() -> None:
    document = {"forbidden": {"message": "no"}}
    error = translation(refusal(403, document, **{"x-openstack-request-id": "req-1"}))
    assert str(error).endswith("HTTP 403: no (Request-ID: req-1)")


@pytest.mark.parametrize(("value", "seconds"), [("7", 7), ("1e9", 0), ("999999", 3600), ("", 0)])
def test_a_requested_pause_is_kept_and_bounded(value: str, seconds: float) -> None:
    error = translation(refusal(503, {}, **{"Retry-After": value}))
    assert error.retry_after == seconds
