"""Sockets that listen: waitress accepts, and the server decides who is let in."""

import select
from typing import Any, Protocol
from wsgiref.types import WSGIApplication

from oslo_log import log
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from openstats.http.server.channel import Channel
from openstats.http.server.tasks import refusal

LOG = log.getLogger(__name__)

FULL = refusal(
    "503 Service Unavailable",
    "The service is busy",
    "all connections are in use, or all that one client may have: ask again later",
)


class ConnectionServer(Protocol):
    """What listens, and what its connections are handed to."""

    application: WSGIApplication
    draining_since: float | None

    def queue(self, channel: Channel) -> None:
        """Have the first request of a connection answered."""

    def make_room(self, client: str) -> bool:
        """Return whether one more connection of a client can be taken."""


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """A socket that listens, and the connections that came over it."""

    def __init__(self, server: ConnectionServer, *arguments: Any, **options: Any) -> None:
        self.server = server
        super().__init__(server.application, *arguments, **options)
        self.channel_class = self._admit

    @property
    def draining(self) -> bool:
        """Whether every answer is the last one of its connection."""
        return self.server.draining_since is not None

    def maintenance(self, now: float) -> None:
        """Leave connections to the loop."""

    def add_task(self, channel: Channel) -> None:
        """Have the first request of a connection answered."""
        self.server.queue(channel)

    def _admit(
        self, _server: Any, connection: Any, address: Any, adj: Adjustments, **options: Any
    ) -> None:
        if self.server.make_room(address[0]):
            Channel(self, connection, address, adj, **options)
            return
        connection.setblocking(False)
        try:
            connection.send(FULL)
        except OSError as error:
            LOG.debug("a connection too many was not told so: %s", error)
        connection.close()

    def accept_all(self) -> None:
        """Take what the kernel has accepted already, before the socket is closed."""
        pending = select.poll()
        pending.register(self.socket, select.POLLIN)
        while pending.poll(0):
            self.handle_accept()
