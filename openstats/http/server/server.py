"""The server: waitress' loop and listeners, with a bound on whatever anybody may wait for.

The loop itself waits for nobody and asks nobody. So it can answer ``/healthcheck`` while every
thread waits for something, and 503 for what the threads do not answer in time.
"""

import gc
import resource
import select
from collections import Counter, deque
from collections.abc import Iterator
from itertools import chain
from time import monotonic
from typing import Any

from oslo_log import log
from waitress import wasyncore
from waitress.adjustments import Adjustments
from waitress.server import TcpWSGIServer

from openstats.http.body import LARGEST
from openstats.http.server.channel import READING, UNSENT, Channel, Timeouts, refusal
from openstats.http.server.dispatcher import Dispatcher
from openstats.http.server.health import Health

LOG = log.getLogger(__name__)

TICK = 0.5
"""Seconds between two looks at who waits for too long."""

ENDING = 5.0
"""Seconds that threads have to end, whose requests nobody waits for any more."""

HEALTH = ("/healthcheck", "/healthcheck/")
DESCRIPTORS = 256
"""File descriptors for whatever is no connection: the store, clouds, logs, long answers."""

FULL = refusal(
    "503 Service Unavailable",
    "The service is busy",
    "all connections are in use, or all that one client may have: ask again later",
)


class Listener(TcpWSGIServer):  # type: ignore[misc]
    """A socket that listens, and the connections that came over it."""

    def __init__(self, server: "Server", *arguments: Any, **named: Any) -> None:
        self.server = server
        super().__init__(server.application, *arguments, **named)
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
        self, _server: Any, connection: Any, address: Any, adj: Adjustments, **named: Any
    ) -> None:
        if self.server.make_room(address[0]):
            Channel(self, connection, address, adj, **named)
        else:
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


class Server:
    """Listens on [api] host and port; ``run`` serves until ``drain`` is called.

    Args:
        application: what answers.
        options: of the group [api].
        health: what ``/healthcheck`` is answered from, in the loop where it is watched.

    Raises:
        OSError: the address is taken or not this machine's.
    """

    def __init__(self, application: Any, options: Any, health: Health | None = None) -> None:
        self.application = application
        self.options = options
        self.health = health
        self.draining_since: float | None = None
        self._map: dict[int, Any] = {}
        self._swept_at = 0.0
        self._at_once: deque[Channel] = deque()
        self._deferred: deque[Channel] = deque()
        self._most = _descriptors(options.connections)
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
            # What is read before the application sees anything.
            max_request_body_size=2 * LARGEST,
            clear_untrusted_proxy_headers=False,
            # Kept by make_room, which always lets somebody in.
            connection_limit=2**31,
        )
        port = self.options.port
        for family, kind, protocol, address in adj.listen:
            where = (family, kind, protocol, (address[0], port, *address[2:]))
            listener = Listener(
                self, self._map, dispatcher=self._dispatcher, adj=adj, sockinfo=where
            )
            # Port 0 is any that is free, and the same for all addresses of a name.
            port = int(listener.effective_port)
            yield listener

    @property
    def effective_port(self) -> int:
        """The port that is listened on."""
        return int(self.listeners[0].effective_port)

    @property
    def channels(self) -> list[Channel]:
        """The connections."""
        found = chain.from_iterable(list(each.active_channels.values()) for each in self.listeners)
        return list(found)

    def run(self) -> None:
        """Serve until everything that was accepted is answered after ``drain``."""
        # What was loaded until here stays: no collection has to go through it again.
        gc.freeze()
        while not self._over():
            wasyncore.poll2(TICK, self._map)
            self._turn()

    def drain(self, *, at_once: bool = False) -> None:
        """Have ``run`` end: health says so first, then nothing more is accepted.

        A signal may call it. ``at_once`` leaves out the time in which a balancer can look.
        """
        if self.health:
            self.health.draining = True
        if self.draining_since is None or at_once:
            self.draining_since = monotonic() - at_once * self.options.drain_delay
        self.listeners[0].pull_trigger()

    def close(self) -> None:
        """Close all sockets and end the threads."""
        self._dispatcher.shutdown(ENDING)
        wasyncore.close_all(self._map)

    def queue(self, channel: Channel) -> None:
        """Have the first request of a connection answered; any thread may call it."""
        channel.queue()
        request = channel.requests[0]
        watched = self.health is not None and self.health.watched
        if watched and not request.error and request.command in READING and request.path in HEALTH:
            # Not here: the caller holds a lock of the connection.
            self._at_once.append(channel)
        elif channel.total_outbufs_len > UNSENT:
            self._deferred.append(channel)
        else:
            self._dispatcher.add_task(channel)

    def make_room(self, client: str) -> bool:
        """Return whether one more connection of a client can be taken, if need be for another.

        The one that goes is idle, and of the client that has most.
        """
        channels, most = self.channels, self.options.client_connections
        if len(channels) < self._most and not most:
            return True
        of_client = Counter(channel.addr[0] for channel in channels)
        if most and of_client[client] >= most:
            return False
        if len(channels) < self._most:
            return True
        idle = [each for each in channels if not each.requests and not each.total_outbufs_len]
        if not idle:
            return False
        longest = min(idle, key=lambda each: (-of_client[each.addr[0]], each.quiet_since))
        longest.drop()
        return True

    def _turn(self) -> None:
        """Do what the loop does itself after each look at the sockets."""
        for _ in range(len(self._at_once)):
            self._at_once.popleft().service()
        for _ in range(len(self._deferred)):
            channel = self._deferred.popleft()
            if not channel.connected:
                continue
            if channel.total_outbufs_len > UNSENT:
                self._deferred.append(channel)
            else:
                channel.queued_at = monotonic()
                self._dispatcher.add_task(channel)
        now = monotonic()
        if now - self._swept_at >= TICK:
            self._swept_at = now
            self._sweep(now)

    def _sweep(self, now: float) -> None:
        options = self.options
        limits = Timeouts(
            head=options.head_timeout,
            body=options.body_timeout,
            idle=options.idle_timeout,
            send=options.send_timeout,
            answer=options.request_timeout,
        )
        for channel in self.channels:
            if act := channel.overdue(limits, now):
                act()

    def _over(self) -> bool:
        if self.draining_since is None:
            return False
        drained = monotonic() - self.draining_since - self.options.drain_delay
        if drained < 0:
            return False
        for listener in self.listeners:
            if listener.accepting:
                listener.accept_all()
                # Only the socket: connections still wake the loop through this listener.
                wasyncore.dispatcher.close(listener)
        busy = [each for each in self.channels if each.requests or each.total_outbufs_len]
        busy += [each for each in self.channels if each.request is not None]
        return not busy or drained > self.options.drain_timeout


def _descriptors(connections: int) -> int:
    """Raise the limit of file descriptors as far as need be; return how many may be connections."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    # An answer that is large, or a body, is kept in a file.
    wanted = 2 * connections + DESCRIPTORS
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
    most = max(1, min(connections, (max(soft, wanted) - DESCRIPTORS) // 2))
    if most < connections:
        LOG.warning("[api] connections = %d: %d file descriptors allow %d", connections, hard, most)
    return most


def make_server(application: Any, options: Any, health: Health | None = None) -> Server:
    """Listen on [api] host and port.

    Raises:
        OSError: the address is taken or not this machine's.
    """
    return Server(application, options, health)
