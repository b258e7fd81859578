"""Running work whose failure must not end the collector."""

from collections.abc import Callable

from oslo_log import log

from openstats.errors import StoreError

LOG = log.getLogger(__name__)


def attempt(subject: str, work: Callable[[], None]) -> None:
    """Call ``work``; log any exception with ``subject`` instead of raising it."""
    try:
        work()
    except StoreError as error:
        LOG.error("%s: %s", subject, error)
    except Exception:
        LOG.exception("a defect of openstats in %s", subject)
