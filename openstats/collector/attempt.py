"""Work that a collector does beside its polls; no poll depends on it."""

from collections.abc import Callable

from oslo_log import log

from openstats.errors import StoreError

LOG = log.getLogger(__name__)


def attempt(subject: str, work: Callable[[], None]) -> None:
    """Do some work; log what it fails with, and let the collector go on."""
    try:
        work()
    except StoreError as error:
        LOG.error("%s: %s", subject, error)
    except Exception:
        LOG.exception("a defect of openstats in %s", subject)
