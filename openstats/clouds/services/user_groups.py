"""The groups of a user, as Keystone tells them to openstats' own credential."""

from collections.abc import Callable
from threading import Lock
from typing import Any

from cachetools import TTLCache
from keystoneauth1.exceptions import ClientException, ConnectFailure
from oslo_log import log

LOG = log.getLogger(__name__)
SECONDS = 300
USERS = 10_000
PAUSE = 5
"""Seconds for which a Keystone that was silent is not asked again."""


class UserGroups:
    """Asks Keystone, and remembers for some minutes; safe to share between threads."""

    def __init__(self, identity: Any, clock: Callable[[], float]) -> None:
        """Take a keystoneauth adapter of Keystone's endpoint, and what gives seconds."""
        self._identity = identity
        self._known: TTLCache[str, frozenset[str]] = TTLCache(USERS, SECONDS, timer=clock)
        self._lock = Lock()
        self._clock = clock
        self._silent_until = 0.0

    def __call__(self, user_id: str) -> frozenset[str]:
        """Give the ids of a user's groups; none where Keystone does not say, and that is logged."""
        with self._lock:
            if (known := self._known.get(user_id)) is not None:
                return known
            if self._clock() < self._silent_until:
                return frozenset()
        try:
            answer = self._identity.get(f"/users/{user_id}/groups").json()
            found = frozenset(group["id"] for group in answer["groups"])
        except (ClientException, ValueError, KeyError, TypeError) as error:
            LOG.warning("which groups user %s is in, Keystone does not say: %s", user_id, error)
            if isinstance(error, ConnectFailure):
                # Who asks next does not wait for the same.
                self._silent_until = self._clock() + PAUSE
            return frozenset()
        with self._lock:
            self._known[user_id] = found
        return found
