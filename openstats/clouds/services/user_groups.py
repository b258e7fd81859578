"""The groups of a user, from Keystone, with the API's own credential."""

from collections.abc import Callable
from threading import Lock

from cachetools import TTLCache
from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import ClientException, ConnectFailure
from oslo_log import log

LOG = log.getLogger(__name__)
CACHE_SECONDS = 300
CACHED_USERS = 10_000
PAUSE_AFTER_FAILURE = 5
"""Seconds without calls after a failed connection to Keystone."""


class UserGroups:
    """The groups of users, cached for ``CACHE_SECONDS``; thread-safe."""

    def __init__(self, keystone: Adapter, clock: Callable[[], float]) -> None:
        """Take an adapter for Keystone's endpoint, and a clock in seconds."""
        self._keystone = keystone
        self._cache: TTLCache[str, frozenset[str]] = TTLCache(
            CACHED_USERS, CACHE_SECONDS, timer=clock
        )
        self._lock = Lock()
        self._clock = clock
        self._silent_until = 0.0

    def __call__(self, user_id: str) -> frozenset[str]:
        """Return the ids of a user's groups; log and return none if Keystone does not answer."""
        with self._lock:
            if (group_ids := self._cache.get(user_id)) is not None:
                return group_ids
            if self._clock() < self._silent_until:
                return frozenset()
        try:
            answer = self._keystone.get(f"/users/{user_id}/groups").json()
            group_ids = frozenset(group["id"] for group in answer["groups"])
        except (ClientException, ValueError, KeyError, TypeError) as error:
            LOG.warning("Keystone does not list the groups of user %s: %s", user_id, error)
            if isinstance(error, ConnectFailure):
                # Callers after this one do not wait for the timeout too.
                self._silent_until = self._clock() + PAUSE_AFTER_FAILURE
            return frozenset()
        with self._lock:
            self._cache[user_id] = group_ids
        return group_ids
