"""Listening sockets: waitress accepts connections, and the server admits or refuses them."""

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
    "Service busy",
    "all connections are in use, or all that one client may have: ask again later",
)


class ConnectionServer(Protocol):
    """The interface of the server that listeners and connections use."""

    application: WSGIApplication
    draining_since: float | None

    def queue(self, channel: Channel) -> None:
        """Queue the first request of a connection."""

    def make_room(self, client: str) -> bool:
        """Return whether one more connection of a client can be accepted."""


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """A listening socket, with the connections that it accepted."""

    def __init__(self, server: ConnectionServer, *arguments: Any, **options: Any) -> None:
        self.server = server
        super().__init__(server.application, *arguments, **options)
        self.channel_class = self._admit

    @property
    def draining(self) -> bool:
        """Whether each connection closes after its next response."""
        return self.server.draining_since is not None

    def maintenance(self, now: float) -> None:
        """Do nothing: the loop closes overdue connections."""

    def add_task(self, channel: Channel) -> None:
        """Queue the first request of a connection."""
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
            LOG.debug("a refused connection could not be answered: %s", error)
        connection.close()

    def accept_all(self) -> None:
        """Accept all connections that the kernel has accepted already, before the socket closes."""
        pending = select.poll()
        pending.register(self.socket, select.POLLIN)
        while pending.poll(0):
            self.handle_accept()
