"""HTTP to a meter server outside the cloud's catalog, without Keystone's authentication."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import requests
from keystoneauth1.session import Session

from openstats import __version__
from openstats.clouds.connection import Connection
from openstats.clouds.transport.adapter import mount
from openstats.clouds.transport.redirects import refuse_foreign_redirects


@contextmanager
def session(
    connection: Connection,
    *,
    cacert: str = "",
    insecure: bool = False,
    headers: Mapping[str, str] | None = None,
) -> Iterator[Session]:
    """Open a session without a token, with the limits and errors of the cloud's own session."""
    limits = connection.limits
    with requests.Session() as connections:
        mount(connections, limits, connection.in_flight)
        connections.hooks["response"].append(refuse_foreign_redirects)
        keystone_session = Session(
            session=connections,
            verify=False if insecure else cacert or True,
            additional_headers=dict(headers or {}),
            additional_user_agent=[("openstats", __version__)],
        )
        # keystoneauth expects one number; requests, to which it passes the value, accepts two.
        keystone_session.timeout = limits.timeouts  # type: ignore[assignment]
        yield keystone_session
