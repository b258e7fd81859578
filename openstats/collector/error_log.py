"""Logging the errors of work that must not end the collector."""

from collections.abc import Iterator
from contextlib import contextmanager

from oslo_log import log

from openstats.errors import StoreError

LOG = log.getLogger(__name__)


@contextmanager
def logged_errors(subject: str) -> Iterator[None]:
    """Log any exception of the block with ``subject`` instead of raising it."""
    try:
        yield
    except StoreError as error:
        LOG.error("%s: %s", subject, error)
    except Exception:
        LOG.exception("a defect of openstats in %s", subject)
