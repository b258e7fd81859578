"""The errors of openstats, each with a code that never changes.

Nothing here knows HTTP: ``openstats.http.errors`` maps these to statuses.
"""

import re
from collections.abc import Iterable

USERINFO = re.compile(r"(?<=://)(?:([^/?#\s:@]*:)|)[^/?#\s]*@")
SECRET = re.compile(r"([?&][^=&\s]*(?:pass|token|secret|key)[^=&\s]*=)[^&\s]+", re.IGNORECASE)


def without_credentials(text: str) -> str:
    """Return a text without the passwords and tokens of the URLs in it."""
    return SECRET.sub(r"\1***", USERINFO.sub(r"\1***@", text))


def must_be(choices: Iterable[str]) -> str:
    """Return the end of a message: which values are allowed."""
    first, *further = choices
    return f"must be one of {', '.join([first, *further])}" if further else f"must be {first}"


class OpenstatsError(Exception):
    """The root of all errors that openstats raises on purpose; ``str()`` says what to do.

    Credentials are removed from URLs in the message, which may quote other software.
    """

    code = "openstats.error"
    title = "Error"

    def __init__(self, *sentences: str) -> None:
        super().__init__(*map(without_credentials, sentences))


class ParameterError(OpenstatsError):
    """One or more parameters are invalid; ``problems`` has one sentence for each."""

    code = "openstats.parameter.invalid"
    title = "Invalid parameter"

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(map(without_credentials, problems))
        super().__init__("; ".join(self.problems))


class UnauthenticatedError(OpenstatsError):
    """The caller is not authenticated."""

    code = "openstats.token.missing"
    title = "Authentication required"


class PermissionDeniedError(OpenstatsError):
    """The caller may not do this."""

    code = "openstats.permission.denied"
    title = "Permission denied"


class NotPolledError(OpenstatsError):
    """Nothing has been read from a cloud yet; its jobs have been made due."""

    code = "openstats.cloud.not_polled"
    title = "Cloud not polled yet"
    retry_after = 10


class IncompleteError(OpenstatsError):
    """The request has ``strict=true``, and some figures are unknown."""

    code = "openstats.statistic.incomplete"
    title = "Statistic incomplete"
    retry_after = 60


class StoreError(OpenstatsError):
    """The store is missing, has another schema, or does not answer."""

    code = "openstats.store.unavailable"
    title = "Store unavailable"
    retry_after = 10


class CollectorError(OpenstatsError):
    """The collector of this process hangs."""

    code = "openstats.collector.stopped"
    title = "Collector not running"


class ConfigError(OpenstatsError):
    """The configuration is invalid; ``problems`` has one sentence for each invalid option."""

    code = "openstats.config.invalid"
    title = "Invalid configuration"

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(map(without_credentials, problems))
        super().__init__("; ".join(self.problems))


class RegistryError(OpenstatsError):
    """A registry document contradicts itself or the registry."""

    code = "openstats.registry.invalid"
    title = "Invalid registry document"


class ConflictError(RegistryError):
    """A write conflicts with other entries."""

    code = "openstats.registry.conflict"
    title = "Conflict"


class ObjectUnknownError(OpenstatsError):
    """No such object is visible to the caller."""

    code = "openstats.object.unknown"
    title = "Object not found"


class BodyError(ParameterError):
    """The body of a request is invalid."""

    code = "openstats.body.invalid"
    title = "Invalid request body"


class LeaseLostError(OpenstatsError):
    """Another collector has taken the job over; nothing was written."""

    code = "openstats.job.lease_lost"
    title = "Lease of the job lost"


class StoppedError(OpenstatsError):
    """The collector is stopping; another collector will run the job."""

    code = "openstats.job.stopped"
    title = "Collector stopping"


class LateReadingError(OpenstatsError):
    """A reading is not newer than the stored ones; nothing was written."""

    code = "openstats.usage.late_reading"
    title = "Reading out of order"


class CloudError(OpenstatsError):
    """A call to a cloud failed; the message names the call and the reason."""

    code = "openstats.cloud.failed"
    title = "Cloud request failed"
    retry_after = 0.0
    """Seconds after which the cloud wants to be called again; 0 if it does not say."""


class OddFigureError(CloudError):
    """A figure from a cloud is impossible, or contradicts another figure of that cloud."""

    code = "openstats.cloud.odd_figure"
    title = "Impossible figure from the cloud"


class TruncatedError(CloudError):
    """A cloud truncated a list and said so."""

    code = "openstats.cloud.truncated"
    title = "List truncated by the cloud"


class ServiceMissingError(CloudError):
    """The cloud's catalog lacks a service."""

    code = "openstats.cloud.service_missing"
    title = "Service missing from the cloud's catalog"


class RefusedError(CloudError):
    """The cloud refuses a call: its API no longer has it, or permission is missing."""

    code = "openstats.cloud.refused"
    title = "Call refused by the cloud"


class VersionRefusedError(CloudError):
    """The service refuses a microversion that it accepted before, as after a rollback."""

    code = "openstats.cloud.version_refused"
    title = "Microversion refused by the service"


class TenantUnknownError(CloudError):
    """The cloud no longer knows the tenant."""

    code = "openstats.cloud.tenant_unknown"
    title = "Tenant unknown to the cloud"
