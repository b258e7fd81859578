"""Errors: codes that stay the same, and statuses for those that a request can meet."""

from openstats import errors
from openstats.errors import OpenstatsError

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
