"""HTTP to a cloud with limits of size and time, and with retries.

Responses are read completely before the client libraries see them. Their content is parsed
elsewhere.
"""

from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from keystoneauth1.session import TCPKeepAliveAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from openstats.clouds.transport.in_flight import (
    InFlightRequest,
    InFlightRequests,
    register_socket,
    release_large_answer,
)
from openstats.clouds.transport.retries import RetryBudget

MIB = 2**20
CHUNK_BYTES = 2**16
LARGE_BYTES = 2 * MIB
"""Responses above this many bytes are large; only one at a time is read from a cloud."""

BYTES_PER_VALUE = 32
"""Bytes per JSON value in the largest allowed response: each value needs memory."""

KEPT_CONNECTIONS = 32
"""The number of connections to a host that are kept open."""

MULTIPLE_CHOICES = 300

BROKEN = requests.ConnectionError, requests.exceptions.ChunkedEncodingError
"""Errors of connections that failed, or ended before the response was complete."""


class AnswerError(Exception):
    """A response exceeds a limit, or is unusable; the message states the limit and the remedy."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Limits of a call, from the options of [collector].

    ``wait_seconds`` limits the time spent in pauses before retries.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    answer_seconds: float = 300.0
    answer_mib: int = 24
    wait_seconds: float = 60.0

    @property
    def timeouts(self) -> tuple[float, float]:
        """The timeouts for requests: seconds to connect, and between two bytes of a response."""
        return self.connect_seconds, self.read_seconds


class _RegisteredSockets:
    """A mixin for connections whose sockets another thread can shut down."""

    sock: Any

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]
        register_socket(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            register_socket(self.sock)
        super().request(*args, **kwargs)  # type: ignore[misc]


class _Http(_RegisteredSockets, HTTPConnection):
    pass


class _Https(_RegisteredSockets, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


POOLS = {"http": _HttpPool, "https": _HttpsPool}


class BoundedAdapter(TCPKeepAliveAdapter):
    """An adapter of the requests library that enforces the limits of a call."""

    def __init__(self, limits: CallLimits, in_flight: InFlightRequests) -> None:
        super().__init__(pool_maxsize=KEPT_CONNECTIONS)
        self._limits = limits
        self._in_flight = in_flight

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use connections whose sockets can be shut down."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Use such connections for proxies too, except SOCKS, which has its own classes."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOLS
        return manager

    def send(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        """Send a request and read its response; retry while the budget allows.

        Raises:
            AnswerError: the response exceeds a limit.
            StoppedError: the connection to the cloud was stopped.
        """
        release_large_answer()
        budget = RetryBudget(self._limits.wait_seconds)
        while True:
            try:
                response = self._send_once(request, *args, **kwargs)
                pause = budget.pause_after(response.status_code, response.headers)
                if pause is None:
                    return response
            except BROKEN as error:
                pause = None if _is_final(error) else budget.pause_after_failure()
                if pause is None:
                    raise
            self._in_flight.pause(pause)

    def _send_once(
        self, request: requests.PreparedRequest, *args: Any, **kwargs: Any
    ) -> requests.Response:
        with self._in_flight.start(self._limits.answer_seconds) as in_flight:
            try:
                response = super().send(request, *args, **kwargs | {"stream": True})
                # requests itself stores a body that it has read in these attributes.
                response._content = self._read_body(response, in_flight)
                response._content_consumed = True
            except (requests.RequestException, OSError):
                self._refuse_cut(in_flight)
                raise
            # The end of a cut connection may look like the end of the response.
            if in_flight.is_cut:
                self._refuse_cut(in_flight)
        _refuse_choices(response)
        return response

    def _refuse_cut(self, request: InFlightRequest) -> None:
        """Raise StoppedError if all requests were stopped, AnswerError if this one was cut."""
        self._in_flight.refuse_stopped()
        if request.is_cut:
            raise AnswerError(
                f"no complete answer within {self._limits.answer_seconds:.0f} s: find out why the "
                "service is slow, or raise [collector] answer_timeout"
            )

    def _read_body(self, response: requests.Response, request: InFlightRequest) -> bytes:
        """Return the decompressed body of a response.

        Raises:
            AnswerError: it has too many bytes or JSON values.
        """
        body = bytearray()
        largest = self._limits.answer_mib * MIB
        for chunk in response.iter_content(CHUNK_BYTES):
            body += chunk
            if len(body) > largest:
                response.close()
                raise self._too_large("bytes")
            if len(body) > LARGE_BYTES:
                self._in_flight.acquire_large_answer(request)
        if len(body) > LARGE_BYTES and _count_values(body) > largest // BYTES_PER_VALUE:
            raise self._too_large("values")
        return bytes(body)

    def _too_large(self, unit: str) -> AnswerError:
        return AnswerError(
            f"the answer has more {unit} than [collector] answer_max_mib = "
            f"{self._limits.answer_mib} allows: lower page_size if it is a page of a list, or "
            "raise answer_max_mib"
        )


def mount(session: requests.Session, limits: CallLimits, in_flight: InFlightRequests) -> None:
    """Make a session send its requests through a ``BoundedAdapter``."""
    adapter = BoundedAdapter(limits, in_flight)
    for scheme in POOLS:
        session.mount(f"{scheme}://", adapter)


def _count_values(body: bytearray) -> int:
    """Return the approximate number of values in a JSON document."""
    return sum(map(body.count, (b",", b"[", b"{")))


def _is_final(error: requests.RequestException) -> bool:
    """Return whether a retry is useless: the request timed out, or TLS failed."""
    cause = error.args[0] if error.args else None
    is_read_timeout = isinstance(cause, urllib3.exceptions.ReadTimeoutError)
    return is_read_timeout or isinstance(error, (requests.Timeout, requests.exceptions.SSLError))


def _refuse_choices(response: requests.Response) -> None:
    """Raise AnswerError if a service answers a call with the list of its versions.

    A requested version document may have the same status, and is not an error.
    """
    if response.status_code == MULTIPLE_CHOICES and b'"choices"' in response.content:
        raise AnswerError(
            f"HTTP 300: several versions are served at {response.url.partition('?')[0]}, and the "
            "request must name one: correct the service's endpoint in the catalog"
        )
