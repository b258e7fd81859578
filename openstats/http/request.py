"""The request as views see it: with the store, the configuration, the time and the caller."""

from typing import Any

from oslo_middleware.request_id import ENV_REQUEST_ID
from pyramid import request
from pyramid.decorator import reify
from pyramid.interfaces import ISecurityPolicy

from openstats.http.auth.strategy import Identity
from openstats.http.middleware.access_log import CALLER
from openstats.model import Scope
from openstats.storage.store import Store


class Request(request.Request):  # type: ignore[misc]
    """One class for all: what Pyramid's configurator adds would be a new class for each request."""

    @property
    def store(self) -> Store:
        """What is answered from."""
        return self.registry.store  # type: ignore[no-any-return]

    @property
    def conf(self) -> Any:
        """The configuration."""
        return self.registry.conf

    @reify  # type: ignore[untyped-decorator]
    def identity(self) -> Identity:
        """Tell who asks: found once, however often it is looked at."""
        identity: Identity = super().identity
        self.environ[CALLER] = identity.name or "-"
        return identity

    def own_project(self) -> tuple[str, frozenset[str]]:
        """Give the project of the caller's token, by its id, and the tenants that it is."""
        return self.registry.getUtility(ISecurityPolicy).own_project(self)  # type: ignore[no-any-return]

    @property
    def scope(self) -> Scope:
        """What the caller may see."""
        return self.identity.scope  # type: ignore[no-any-return]

    @reify  # type: ignore[untyped-decorator]
    def now(self) -> int:
        """Give the time of this request in Unix seconds."""
        return int(self.registry.clock())

    @property
    def request_id(self) -> str:
        """The name of this request in logs and in its answer."""
        return str(self.environ[ENV_REQUEST_ID])
