"""Reads the quotas of one tenant from Nova and Cinder, each of which may fail; writes nothing."""

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
    """Counts the tenants that failed in a row; at ``limit``, the cloud counts as down.

    Thread-safe.
    """

    limit: int
    number: int = 0
    last_error: CloudError | None = None
    _lock: Lock = field(default_factory=Lock)

    def note(self, error: CloudError | None) -> None:
        """Count the outcome of a tenant; with ``retry_after``, an error reaches the limit."""
        with self._lock:
            self.number = self.number + 1 if error else 0
            if error and error.retry_after:
                self.number = self.limit
            self.last_error = error or self.last_error

    @property
    def is_over_limit(self) -> bool:
        """Whether to skip the remaining tenants."""
        return self.number >= self.limit


@dataclass(frozen=True)
class TenantQuotas:
    """The quotas of one tenant, which is given by row and by Keystone id (``key``).

    Attributes:
        quotas: the quotas by meter, without those of services that failed.
        volume_types: the quotas of volume types; None if Cinder failed.
        error: the reason why a service is missing.
        contradiction: what is wrong with the quotas that are present.
        is_moving: servers or volumes seem to be changing just now.
        assumed: services that were not asked.
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
        """Return a copy without the figures of a service, for the reason ``error``."""
        names = _names(service)
        quotas = {name: quota for name, quota in self.quotas.items() if name not in names}
        types = None if service == VOLUME else self.volume_types
        return replace(self, quotas=quotas, volume_types=types, error=self.error or error)

    def with_nothing(self, service: str) -> "TenantQuotas":
        """Return a copy with zero for all quotas of a service that was not asked."""
        quotas = self.quotas | dict.fromkeys(_names(service), Quota(0, 0))
        return replace(self, quotas=quotas, assumed=(*self.assumed, service))


def _names(service: str) -> set[str]:
    return {meter.name for meter in QUOTAS if meter.service == service}


def read(poll: Poll, streak: FailureStreak, row: int, key: str) -> TenantQuotas | None:
    """Return the quotas of a tenant; None if too many tenants have failed in a row.

    An error of a service becomes the ``error`` of this tenant.

    Raises:
        VersionRefusedError: the poll must be repeated with another microversion.
    """
    if streak.is_over_limit:
        return None
    figures = TenantQuotas(row, key)
    for ask in (_ask_nova, _ask_cinder):
        try:
            figures = ask(poll, figures)
        except TenantUnknownError:
            # The tenant has no quotas; the next discovery removes it.
            figures = _nothing(row, key)
            break
        except VersionRefusedError:
            # It concerns all tenants.
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
