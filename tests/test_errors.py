"""Errors: codes that stay the same, and statuses for those that a request can meet."""

import pytest

from openstats import errors
from openstats.errors import OpenstatsError, must_be

CODES = {
    "OpenstatsError": "openstats.error",
    "ParameterError": "openstats.parameter.invalid",
    "UnauthenticatedError": "openstats.token.missing",
    "PermissionDeniedError": "openstats.permission.denied",
    "NotPolledError": "openstats.cloud.not_polled",
    "IncompleteError": "openstats.statistic.incomplete",
    "StoreError": "openstats.store.unavailable",
    "ConfigError": "openstats.config.invalid",
    "RegistryError": "openstats.registry.invalid",
    "ConflictError": "openstats.registry.conflict",
    "ObjectUnknownError": "openstats.object.unknown",
    "BodyError": "openstats.body.invalid",
    "LeaseLostError": "openstats.job.lease_lost",
    "StoppedError": "openstats.job.stopped",
    "CollectorError": "openstats.collector.stopped",
    "LateReadingError": "openstats.usage.late_reading",
    "CloudError": "openstats.cloud.failed",
    "OddFigureError": "openstats.cloud.odd_figure",
    "TruncatedError": "openstats.cloud.truncated",
    "ServiceMissingError": "openstats.cloud.service_missing",
    "RefusedError": "openstats.cloud.refused",
    "VersionRefusedError": "openstats.cloud.version_refused",
    "TenantUnknownError": "openstats.cloud.tenant_unknown",
}


def test_codes_stay_the_same() -> None:
    kinds = {
        name: kind
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, OpenstatsError)
    }
    assert {name: kind.code for name, kind in kinds.items()} == CODES
    assert len({kind.title for kind in kinds.values()}) == len(kinds)


def test_a_parameter_error_tells_each_problem() -> None:
    error = errors.ParameterError("a: wrong", "b: missing")
    assert error.problems == ("a: wrong", "b: missing")
    assert str(error) == "a: wrong; b: missing"


@pytest.mark.parametrize("kind", [errors.ParameterError, errors.CloudError, errors.StoreError])
def test_errors_show_no_credentials_of_urls(kind: type[OpenstatsError]) -> None:
    error = kind("prod: GET http://u:S3CRET@h/?token=S3CRET refused")
    assert str(error) == "prod: GET http://u:***@h/?token=*** refused"
    assert "S3CRET" not in f"{error!r} {vars(error)}"


@pytest.mark.parametrize(
    ("told", "shown"),
    [
        ("to http://u:S3CRET@h:1/x: refused", "to http://u:***@h:1/x: refused"),
        ("http://S3CRET@h/, http://h/a@b", "http://***@h/, http://h/a@b"),
        ("http://u:a@S3CRET@h/ of u@example.org", "http://u:***@h/ of u@example.org"),
        ("postgresql://h/x?user=u&password=S3CRET&a=1", "postgresql://h/x?user=u&password=***&a=1"),
        ("http://h/?API_key=S3CRET", "http://h/?API_key=***"),
        ("://@ ? & = x@y", "://***@ ? & = x@y"),
        ("nothing", "nothing"),
    ],
)
def test_urls_are_shown_without_credentials(told: str, shown: str) -> None:
    assert errors.without_credentials(told) == shown


@pytest.mark.parametrize(
    ("choices", "sentence"), [(["a"], "must be a"), (["a", "b"], "must be one of a, b")]
)
def test_a_message_ends_with_what_is_allowed(choices: list[str], sentence: str) -> None:
    assert must_be(choices) == sentence


@pytest.mark.parametrize("kind", [errors.ParameterError, errors.ConfigError, errors.BodyError])
def test_no_problem_shows_a_password(kind: type[errors.ParameterError]) -> None:
    error = kind("a", "mysql+pymysql://me:secret@host/db?ssl_key=secret&x=y: refused")
    assert error.problems[1] == "mysql+pymysql://me:***@host/db?ssl_key=***&x=y: refused"
    assert "secret" not in str(error)
