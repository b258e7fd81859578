"""HTTP to a meter server that is none of the cloud's catalog, and has its own ways to sign in."""

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
    """Open a session that asks for no token; its bounds and errors are those of the cloud."""
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
        # keystoneauth takes one number; the requests library below it takes both.
        keystone_session.timeout = limits.timeouts  # type: ignore[assignment]
        yield keystone_session
