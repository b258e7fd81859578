"""The store of a configuration, opened with the time limits of those who use it."""

from contextlib import suppress

from oslo_config import cfg

from openstats.conf import database
from openstats.storage.store import Store
from openstats.storage.waits import Waits


def open_store(conf: cfg.ConfigOpts, *, requests: bool = False, patient: bool = False) -> Store:
    """Return the store that [database] names, without a check of its schema.

    ``requests`` sets the timeouts of requests, instead of those of the collector. ``patient``
    removes the limit on the time of one use.

    Raises:
        ConfigError: the URL is not one of a supported database, or its driver is missing.
    """
    options = conf.database
    lock, use = options.collector_lock_timeout, options.collector_timeout
    if requests:
        lock, use = options.lock_timeout, options.request_timeout
    waits = Waits(
        connect=options.connect_timeout,
        pool=options.pool_timeout,
        lock=lock,
        use=None if patient else use,
    )
    if options.connection == database.default_connection():
        # Create only the default directory: another one may be a typo. If this fails, the store
        # reports why.
        with suppress(OSError):
            database.default_directory().mkdir(parents=True, exist_ok=True)
    return Store(options.connection, options.pool_size, waits)
