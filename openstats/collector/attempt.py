"""What a collector does beside its polls, and what no poll depends on."""

from collections.abc import Callable

from oslo_log import log

from openstats.errors import StoreError

LOG = log.getLogger(__name__)


def attempt(subject: str, work: Callable[[], None]) -> None:
    """Do some work; what it fails with is logged with its subject, and the collector goes on."""
    try:
        work()
    except StoreError as error:
        LOG.error("%s: %s", subject, error)
    except Exception:
        LOG.exception("a defect of openstats in %s", subject)
