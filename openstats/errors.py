"""What can go wrong, each with a code that stays the same for ever.

Nothing here knows HTTP: ``openstats.http.errors`` maps these to statuses.
"""

import re

USERINFO = re.compile(r"(?<=://)(?:([^/?#\s:@]*:)|)[^/?#\s]*@")
SECRET = re.compile(r"([?&][^=&\s]*(?:pass|token|secret|key)[^=&\s]*=)[^&\s]+", re.IGNORECASE)


def without_credentials(text: str) -> str:
    """Return a text without the passwords and tokens of the URLs in it."""
    return SECRET.sub(r"\1***", USERINFO.sub(r"\1***@", text))


class OpenstatsError(Exception):
    """The root of all that openstats raises on purpose: ``str()`` of it says what to do.

    Others' words in it may hold URLs: what these say of credentials is left out.
    """

    code = "openstats.error"
    title = "Error"

    def __init__(self, *sentences: str) -> None:
        super().__init__(*map(without_credentials, sentences))


class ParameterError(OpenstatsError):
    """One or more parameters are not acceptable; ``problems`` holds a sentence for each."""

    code = "openstats.parameter.invalid"
    title = "Invalid parameter"

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(map(without_credentials, problems))
        super().__init__("; ".join(self.problems))


class UnauthenticatedError(OpenstatsError):
    """Nobody knows who the caller is."""

    code = "openstats.token.missing"
    title = "Authentication required"


class PermissionDeniedError(OpenstatsError):
    """The caller may not do this."""

    code = "openstats.permission.denied"
    title = "Permission denied"


class NotPolledError(OpenstatsError):
    """A cloud's figures are not known yet; its jobs were made due."""

    code = "openstats.cloud.not_polled"
    title = "Cloud not polled yet"
    retry_after = 10


class IncompleteError(OpenstatsError):
    """``strict=true`` was asked for, and not everything is known."""

    code = "openstats.statistic.incomplete"
    title = "Statistic incomplete"
    retry_after = 60


class StoreError(OpenstatsError):
    """The store is missing, of another version, or does not answer."""

    code = "openstats.store.unavailable"
    title = "Store unavailable"
    retry_after = 10


class CollectorError(OpenstatsError):
    """The collector of this process does not look for work any more."""

    code = "openstats.collector.stopped"
    title = "Collector not running"


class ConfigError(OpenstatsError):
    """The configuration is wrong; ``problems`` holds a sentence for each option that is."""

    code = "openstats.config.invalid"
    title = "Invalid configuration"

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class RegistryError(OpenstatsError):
    """A registry document contradicts itself or what is there."""

    code = "openstats.registry.invalid"
    title = "Invalid registry document"


class ConflictError(RegistryError):
    """What is to be written contradicts what is there."""

    code = "openstats.registry.conflict"
    title = "Conflict"


class ObjectUnknownError(OpenstatsError):
    """There is no such object, or none that the caller may see."""

    code = "openstats.object.unknown"
    title = "Object not found"


class BodyError(ParameterError):
    """The body of a request is not acceptable."""

    code = "openstats.body.invalid"
    title = "Invalid request body"


class LeaseLostError(OpenstatsError):
    """Another collector has taken the job over: nothing was written."""

    code = "openstats.job.lease_lost"
    title = "Lease of the job lost"


class StoppedError(OpenstatsError):
    """The collector is stopping: what was under way is left for the next one."""

    code = "openstats.job.stopped"
    title = "The collector is stopping"


class LateReadingError(OpenstatsError):
    """A reading is not later than those that are there: nothing was written."""

    code = "openstats.usage.late_reading"
    title = "Reading out of order"


class CloudError(OpenstatsError):
    """A cloud did not give what was asked; the message says which call and why."""

    code = "openstats.cloud.failed"
    title = "Cloud request failed"
    retry_after = 0.0
    """Seconds after which the cloud wishes to be asked again."""


class OddFigureError(CloudError):
    """A cloud answered, and gave a figure that cannot be, or contradicts what it says elsewhere."""

    code = "openstats.cloud.odd_figure"
    title = "Impossible figure from the cloud"


class TruncatedError(CloudError):
    """A cloud cut a list, and said so."""

    code = "openstats.cloud.truncated"
    title = "List truncated by the cloud"


class ServiceMissingError(CloudError):
    """The cloud's catalog does not hold a service that is asked."""

    code = "openstats.cloud.service_missing"
    title = "Service missing from the cloud's catalog"


class RefusedError(CloudError):
    """The cloud does not serve this call: gone from the API, or not for this user."""

    code = "openstats.cloud.refused"
    title = "Call refused by the cloud"


class VersionRefusedError(CloudError):
    """The service does not speak the microversion that it spoke before: it was rolled back."""

    code = "openstats.cloud.version_refused"
    title = "Microversion refused by the service"


class TenantUnknownError(CloudError):
    """The cloud no longer knows the tenant."""

    code = "openstats.cloud.tenant_unknown"
    title = "Tenant unknown to the cloud"
