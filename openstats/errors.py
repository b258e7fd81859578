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
    title = "Something went wrong"

    def __init__(self, *sentences: str) -> None:
        super().__init__(*map(without_credentials, sentences))


class ParameterError(OpenstatsError):
    """One or more parameters are not acceptable; ``problems`` holds a sentence for each."""

    code = "openstats.parameter.invalid"
    title = "A parameter is not acceptable"

    def __init__(self, *problems: str) -> None:
        self.problems = tuple(map(without_credentials, problems))
        super().__init__("; ".join(self.problems))


class UnauthenticatedError(OpenstatsError):
    """Nobody knows who the caller is."""

    code = "openstats.token.missing"
    title = "Who asks is not known"


class PermissionDeniedError(OpenstatsError):
    """The caller may not do this."""

    code = "openstats.permission.denied"
    title = "Not allowed"


class NotPolledError(OpenstatsError):
    """A cloud's figures are not known yet; its jobs were made due."""

    code = "openstats.cloud.not_polled"
    title = "The cloud has not been polled yet"
    retry_after = 10


class IncompleteError(OpenstatsError):
    """``strict=true`` was asked for, and not everything is known."""

    code = "openstats.statistic.incomplete"
    title = "Not everything is known"
    retry_after = 60


class StoreError(OpenstatsError):
    """The store is missing, of another version, or does not answer."""

    code = "openstats.store.unavailable"
    title = "The store does not answer"
    retry_after = 10


class CollectorError(OpenstatsError):
    """The collector of this process does not look for work any more."""

    code = "openstats.collector.stopped"
    title = "The collector stands still"


class ConfigError(OpenstatsError):
    """The configuration is wrong; ``problems`` holds a sentence for each option that is."""

    code = "openstats.config.invalid"
    title = "The configuration is wrong"

    def __init__(self, *problems: str) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


class RegistryError(OpenstatsError):
    """A registry document contradicts itself or what is there."""

    code = "openstats.registry.invalid"
    title = "The registry document is not acceptable"


class ConflictError(RegistryError):
    """What is to be written contradicts what is there."""

    code = "openstats.registry.conflict"
    title = "It contradicts what is there"


class ObjectUnknownError(OpenstatsError):
    """There is no such object, or none that the caller may see."""

    code = "openstats.object.unknown"
    title = "There is no such object"


class BodyError(ParameterError):
    """The body of a request is not acceptable."""

    code = "openstats.body.invalid"
    title = "The body is not acceptable"


class LeaseLostError(OpenstatsError):
    """Another collector has taken the job over: nothing was written."""

    code = "openstats.job.lease_lost"
    title = "The lease of the job was lost"


class StoppedError(OpenstatsError):
    """The collector is stopping: what was under way is left for the next one."""

    code = "openstats.job.stopped"
    title = "The collector is stopping"


class LateReadingError(OpenstatsError):
    """A reading is not later than those that are there: nothing was written."""

    code = "openstats.usage.late_reading"
    title = "A reading came too late"


class CloudError(OpenstatsError):
    """A cloud did not give what was asked; the message says which call and why."""

    code = "openstats.cloud.failed"
    title = "The cloud did not answer as expected"
    retry_after = 0.0
    """Seconds after which the cloud wishes to be asked again."""


class OddFigureError(CloudError):
    """A cloud answered, and gave a figure that cannot be, or contradicts what it says elsewhere."""

    code = "openstats.cloud.odd_figure"
    title = "The cloud gave a figure that cannot be"


class TruncatedError(CloudError):
    """A cloud cut a list, and said so."""

    code = "openstats.cloud.truncated"
    title = "The cloud cut a list"


class ServiceMissingError(CloudError):
    """The cloud's catalog does not hold a service that is asked."""

    code = "openstats.cloud.service_missing"
    title = "The cloud's catalog lacks a service"


class RefusedError(CloudError):
    """The cloud does not serve this call: gone from the API, or not for this user."""

    code = "openstats.cloud.refused"
    title = "The cloud refuses the call"


class VersionRefusedError(CloudError):
    """The service does not speak the microversion that it spoke before: it was rolled back."""

    code = "openstats.cloud.version_refused"
    title = "The cloud does not speak this version any more"


class TenantUnknownError(CloudError):
    """The cloud no longer knows the tenant."""

    code = "openstats.cloud.tenant_unknown"
    title = "The cloud does not know the tenant"
