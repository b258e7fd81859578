"""The server: waitress' loop, with a deadline on everything that a connection may wait for.

The loop itself never blocks. So it can answer ``/healthcheck`` while all threads are busy, and
503 for requests that the threads do not answer in time.
"""

import gc
import resource
from collections import Counter, deque
from collections.abc import Iterator
from time import monotonic
from typing import Protocol
from wsgiref.types import WSGIApplication

from oslo_log import log
from waitress import wasyncore
from waitress.adjustments import Adjustments

from openstats.http.body import MAX_BYTES
from openstats.http.server.channel import MAX_UNSENT, SAFE_METHODS, Channel, Timeouts
from openstats.http.server.dispatcher import Dispatcher
from openstats.http.server.health import Health
from openstats.http.server.listener import Listener

LOG = log.getLogger(__name__)

TICK = 0.5
"""Seconds between two checks of deadlines."""

CLOSE_SECONDS = 5.0
"""Seconds that ``close`` waits for threads whose requests are abandoned."""

HEALTH_PATHS = ("/healthcheck", "/healthcheck/")
RESERVED_DESCRIPTORS = 256
"""File descriptors reserved for other uses than connections: the store, clouds, logs."""


class ServerOptions(Protocol):
    """The options of the group [api] that the server reads; times are in seconds."""

    host: str
    port: int
    connections: int
    client_connections: int
    threads: int
    write_threads: int
    head_timeout: float
    body_timeout: float
    idle_timeout: float
    send_timeout: float
    request_timeout: float
    drain_delay: float
    drain_timeout: float


class Server:
    """Listens on [api] host and port; ``run`` serves until ``drain`` is called.

    Args:
        application: the WSGI application.
        options: the options of the group [api].
        health: the health that ``/healthcheck`` reports; the loop answers it if it is watched.

    Raises:
        OSError: the address is in use, or not one of this machine.
    """

    def __init__(
        self,
        application: WSGIApplication,
        options: ServerOptions,
        health: Health | None = None,
    ) -> None:
        self.application = application
        self.options = options
        self.health = health
        self.draining_since: float | None = None
        self._map: dict[int, wasyncore.dispatcher] = {}
        self._checked_at = 0.0
        self._health_checks: deque[Channel] = deque()
        self._deferred: deque[Channel] = deque()
        self._most_connections = _allow_connections(options.connections)
        self._dispatcher = Dispatcher(options.threads, options.write_threads)
        try:
            self.listeners = list(self._listeners())
        except OSError:
            self.close()
            raise

    def _listeners(self) -> Iterator[Listener]:
        adj = Adjustments(
            host=self.options.host,
            port=self.options.port,
            ident="openstats",
            # Read before the application is called, which has limits of its own.
            max_request_body_size=2 * MAX_BYTES,
            clear_untrusted_proxy_headers=False,
            # make_room enforces the limit, and can close idle connections for new ones.
            connection_limit=2**31,
        )
        port = self.options.port
        for family, kind, protocol, address in adj.listen:
            socket_info = (family, kind, protocol, (address[0], port, *address[2:]))
            listener = Listener(
                self, self._map, dispatcher=self._dispatcher, adj=adj, sockinfo=socket_info
            )
            # Port 0 means any free port; all addresses of a name get the same one.
            port = int(listener.effective_port)
            yield listener

    @property
    def effective_port(self) -> int:
        """The port on which the server listens."""
        return int(self.listeners[0].effective_port)

    @property
    def channels(self) -> list[Channel]:
        """All open connections."""
        channels: list[Channel] = []
        for listener in self.listeners:
            channels += list(listener.active_channels.values())
        return channels

    def run(self) -> None:
        """Serve until ``drain`` is called, and all accepted requests are answered."""
        # Everything loaded so far is permanent: exclude it from garbage collection.
        gc.freeze()
        while not self._is_over():
            wasyncore.poll2(TICK, self._map)
            self._after_poll()

    def drain(self, *, at_once: bool = False) -> None:
        """Make ``run`` end: first report ill health, then stop accepting connections.

        Signal handlers may call this. ``at_once`` skips the delay in which load balancers notice.
        """
        if self.health:
            self.health.draining = True
        if self.draining_since is None or at_once:
            delay = self.options.drain_delay if at_once else 0
            self.draining_since = monotonic() - delay
        self.listeners[0].pull_trigger()

    def close(self) -> None:
        """Close all sockets and end the threads."""
        self._dispatcher.shutdown(CLOSE_SECONDS)
        wasyncore.close_all(self._map)

    def queue(self, channel: Channel) -> None:
        """Queue the first request of a connection; any thread may call this."""
        channel.queue()
        request = channel.requests[0]
        is_watched = self.health is not None and self.health.watched
        is_read = not request.error and request.command in SAFE_METHODS
        if is_watched and is_read and request.path in HEALTH_PATHS:
            # Left to the loop, since the caller holds a lock of the connection.
            self._health_checks.append(channel)
        elif channel.total_outbufs_len > MAX_UNSENT:
            self._deferred.append(channel)
        else:
            self._dispatcher.add_task(channel)

    def make_room(self, client: str) -> bool:
        """Return whether one more connection of a client can be accepted.

        If all connections are in use, close an idle one of the client that has most.
        """
        channels, client_limit = self.channels, self.options.client_connections
        if len(channels) < self._most_connections and not client_limit:
            return True
        numbers = Counter(channel.addr[0] for channel in channels)
        if client_limit and numbers[client] >= client_limit:
            return False
        return len(channels) < self._most_connections or _drop_idle(channels, numbers)

    def _after_poll(self) -> None:
        """Do the loop's own work after each poll of the sockets."""
        for _ in range(len(self._health_checks)):
            self._health_checks.popleft().service()
        for _ in range(len(self._deferred)):
            channel = self._deferred.popleft()
            if not channel.connected:
                continue
            if channel.total_outbufs_len > MAX_UNSENT:
                self._deferred.append(channel)
            else:
                channel.queued_at = monotonic()
                self._dispatcher.add_task(channel)
        now = monotonic()
        if now - self._checked_at >= TICK:
            self._checked_at = now
            self._end_overdue(now)

    def _end_overdue(self, now: float) -> None:
        options = self.options
        timeouts = Timeouts(
            head=options.head_timeout,
            body=options.body_timeout,
            idle=options.idle_timeout,
            send=options.send_timeout,
            answer=options.request_timeout,
        )
        for channel in self.channels:
            if end := channel.overdue_action(timeouts, now):
                end()

    def _is_over(self) -> bool:
        if self.draining_since is None:
            return False
        drain_time = monotonic() - self.draining_since - self.options.drain_delay
        if drain_time < 0:
            return False
        for listener in self.listeners:
            if listener.accepting:
                listener.accept_all()
                # Close the socket only: connections still wake the loop through this listener.
                wasyncore.dispatcher.close(listener)
        return drain_time > self.options.drain_timeout or not any(map(_is_busy, self.channels))


def _is_busy(channel: Channel) -> bool:
    """Return whether a connection has a request to read or answer, or a response to send."""
    return bool(channel.requests or channel.total_outbufs_len or channel.request is not None)


def _drop_idle(channels: list[Channel], numbers: Counter[str]) -> bool:
    """Close the longest idle connection of the client that has most; False if none is idle."""
    idle = [
        channel for channel in channels if not channel.requests and not channel.total_outbufs_len
    ]
    if not idle:
        return False
    min(idle, key=lambda channel: (-numbers[channel.addr[0]], channel.quiet_since)).drop()
    return True


def _allow_connections(connections: int) -> int:
    """Raise the limit of file descriptors as needed; return how many connections it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # A connection may need a second descriptor: large bodies and responses are kept in files.
    descriptors = 2 * connections + RESERVED_DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        descriptors = min(descriptors, hard)
    if soft != resource.RLIM_INFINITY and soft < descriptors:
        resource.setrlimit(resource.RLIMIT_NOFILE, (descriptors, hard))
    number = max(1, min(connections, (max(soft, descriptors) - RESERVED_DESCRIPTORS) // 2))
    if number < connections:
        LOG.warning(
            "[api] connections = %d: %d file descriptors allow %d", connections, hard, number
        )
    return number
