"""What a collector does beside its polls, and what no poll depends on."""

from collections.abc import Callable

from oslo_log import log

from openstats.errors import StoreError

LOG = log.getLogger(__name__)


def attempt(what: str, work: Callable[[], None]) -> None:
    """Do something; whatever it fails with is logged, and the collector goes on."""
    try:
        work()
    except StoreError as error:
        LOG.error("%s: %s", what, error)
    except Exception:
        LOG.exception("a defect of openstats in %s", what)
