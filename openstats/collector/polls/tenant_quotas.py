"""The quotas of one tenant: two calls, of which either may fail. Nothing is written here."""

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from threading import Lock

from openstats.clouds.services import cinder, nova
from openstats.collector import shared_services
from openstats.collector.polls.poll import Poll
from openstats.errors import CloudError, OddFigureError, TenantUnknownError, VersionRefusedError
from openstats.meters import COMPUTE, QUOTAS, SERVICES, VOLUME
from openstats.model import Quota, VolumeTypeQuota


@dataclass
class FailureStreak:
    """How many tenants failed in a row; from ``limit`` on the cloud counts as down.

    Several threads note what came of their tenants.
    """

    limit: int
    number: int = 0
    last_error: CloudError | None = None
    _lock: Lock = field(default_factory=Lock)

    def note(self, error: CloudError | None) -> None:
        """Count a tenant's outcome; a cloud that asks to be left alone is asked no more."""
        with self._lock:
            self.number = self.number + 1 if error else 0
            if error and error.retry_after:
                self.number = self.limit
            self.last_error = error or self.last_error

    @property
    def is_over_limit(self) -> bool:
        """Whether no more tenants should be asked."""
        return self.number >= self.limit


@dataclass(frozen=True)
class TenantQuotas:
    """The quotas that were read of one tenant, by row and by Keystone id (``key``).

    A service that failed is missing in ``quotas``; ``volume_types`` is None where Cinder failed.
    ``error`` says why a service is missing, ``contradiction`` what is wrong with those that are
    not; ``is_moving`` that something changes just now. Services that are ``assumed`` were not
    asked.
    """

    row: int
    key: str
    quotas: dict[str, Quota] = field(default_factory=dict)
    volume_types: dict[str, VolumeTypeQuota] | None = None
    error: CloudError | None = None
    contradiction: str = ""
    is_moving: bool = False
    assumed: Collection[str] = ()

    def without(self, service: str, error: CloudError) -> "TenantQuotas":
        """Return a copy without a service whose figures are not believed."""
        names = _names(service)
        quotas = {name: quota for name, quota in self.quotas.items() if name not in names}
        types = None if service == VOLUME else self.volume_types
        return replace(self, quotas=quotas, volume_types=types, error=self.error or error)

    def with_nothing(self, service: str) -> "TenantQuotas":
        """Return a copy with nothing of a service, which was not asked."""
        quotas = self.quotas | dict.fromkeys(_names(service), Quota(0, 0))
        return replace(self, quotas=quotas, assumed=(*self.assumed, service))


def _names(service: str) -> set[str]:
    return {meter.name for meter in QUOTAS if meter.service == service}


def read(poll: Poll, streak: FailureStreak, row: int, key: str) -> TenantQuotas | None:
    """Return the quotas of a tenant; None once too many have failed in a row.

    A failure of one tenant spoils that one only.

    Raises:
        VersionRefusedError: the poll has to be repeated with another microversion.
    """
    if streak.is_over_limit:
        return None
    figures = TenantQuotas(row, key)
    for ask in (_ask_nova, _ask_cinder):
        try:
            figures = ask(poll, figures)
        except TenantUnknownError:
            # It has no quota, and discovery will take it away.
            figures = _nothing(row, key)
            break
        except VersionRefusedError:
            # Of all tenants.
            raise
        except CloudError as error:
            figures = replace(figures, error=figures.error or error)
            if not isinstance(error, OddFigureError):
                break
    streak.note(figures.error)
    return figures


def _nothing(row: int, key: str) -> TenantQuotas:
    quotas = {meter.name: Quota(0, 0) for meter in QUOTAS}
    return TenantQuotas(row, key, quotas, volume_types={}, assumed=SERVICES)


def _ask_nova(poll: Poll, figures: TenantQuotas) -> TenantQuotas:
    if shared_services.COMPUTE in poll.shared:
        return figures.with_nothing(COMPUTE)
    return replace(figures, quotas=nova.quotas(poll.connection, figures.key))


def _ask_cinder(poll: Poll, figures: TenantQuotas) -> TenantQuotas:
    is_shared = shared_services.BLOCK_STORAGE in poll.shared
    if is_shared or not poll.connection.entry.settings.block_storage:
        return replace(figures.with_nothing(VOLUME), volume_types={})
    quotas, types, contradiction = cinder.quotas(poll.connection, figures.key)
    return replace(
        figures,
        quotas=figures.quotas | quotas,
        volume_types=types,
        contradiction=contradiction,
    )
