"""HTTP to a cloud, within bounds: how large and how slow an answer may be, and when it is repeated.

Answers are read here, whole, before the client libraries see them. What they mean does not live
here.
"""

from dataclasses import dataclass
from typing import Any

import requests
import urllib3
from keystoneauth1.session import TCPKeepAliveAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from openstats.clouds.transport.in_flight import InFlightRequest, InFlightRequests, follow, let_go
from openstats.clouds.transport.retries import Patience

MIB = 2**20
PIECE = 2**16
LARGE = 2 * MIB
"""Bytes of an answer from which on a cloud gets one of them read at a time."""

BYTES_OF_A_VALUE = 32
"""An answer at its bound has one value in so many bytes, at most: each takes memory, once read."""

CONNECTIONS = 32
"""Connections to a host that are kept open."""

CHOICES = 300

BROKEN = requests.ConnectionError, requests.exceptions.ChunkedEncodingError
"""Connections that were not made, or ended before the answer did."""


class AnswerError(Exception):
    """An answer is beyond a bound, or none; the message says which, and what to do."""


@dataclass(frozen=True, slots=True)
class CallLimits:
    """Bounds of a call: see the options of [collector] of which they are made.

    ``wait_seconds`` are for a cloud that asks to be asked later, or is failing over.
    """

    connect_seconds: float = 10.0
    read_seconds: float = 60.0
    answer_seconds: float = 300.0
    answer_mib: int = 24
    wait_seconds: float = 60.0

    @property
    def timeouts(self) -> tuple[float, float]:
        """Seconds to connect, and between two bytes of an answer, as requests takes them."""
        return self.connect_seconds, self.read_seconds


class _Followed:
    """A connection whose sockets can be shut down by another thread."""

    sock: Any

    def _new_conn(self) -> Any:
        sock = super()._new_conn()  # type: ignore[misc]
        follow(sock)
        return sock

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self.sock is not None:
            follow(self.sock)
        super().request(*args, **kwargs)  # type: ignore[misc]


class _Http(_Followed, HTTPConnection):
    pass


class _Https(_Followed, HTTPSConnection):
    pass


class _HttpPool(HTTPConnectionPool):
    ConnectionCls = _Http


class _HttpsPool(HTTPSConnectionPool):
    ConnectionCls = _Https


POOLS = {"http": _HttpPool, "https": _HttpsPool}


class BoundedAdapter(TCPKeepAliveAdapter):
    """An adapter of the requests library; one for each session."""

    def __init__(self, limits: CallLimits, exchanges: InFlightRequests) -> None:
        super().__init__(pool_maxsize=CONNECTIONS)
        self._limits = limits
        self._exchanges = exchanges

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the connections such as can be followed."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Make those to a proxy likewise; those to a SOCKS proxy have classes of their own."""
        manager = super().proxy_manager_for(proxy, **kwargs)
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOLS
        return manager

    def send(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """Send a request and read its answer; repeat it where that may help soon.

        Raises:
            AnswerError: the answer is beyond a bound.
            StoppedError: no request is made any more.
        """
        let_go()
        patience = Patience(self._limits.wait_seconds)
        while True:
            try:
                response = self._exchanged(request, *args, **kwargs)
                pause = patience.after(response.status_code, response.headers)
                if pause is None:
                    return response
            except BROKEN as error:
                pause = None if _certain(error) else patience.after_failure()
                if pause is None:
                    raise
            self._exchanges.rest(pause)

    def _exchanged(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        with self._exchanges.begun(self._limits.answer_seconds) as exchange:
            try:
                response = super().send(request, *args, **kwargs | {"stream": True})
                # What requests itself keeps of a body that it has read.
                response._content = self._body(response, exchange)
                response._content_consumed = True
            except (requests.RequestException, OSError):
                self._check(exchange)
                raise
            if exchange.cut:
                # The end of a connection may look like that of an answer.
                self._check(exchange)
        _check_choices(response)
        return response

    def _check(self, exchange: InFlightRequest) -> None:
        self._exchanges.check()
        if exchange.cut:
            raise AnswerError(
                f"no answer within {self._limits.answer_seconds:.0f} s, at most so many are "
                "waited for: see why the service is slow, or raise [collector] answer_timeout"
            )

    def _body(self, response: Any, exchange: InFlightRequest) -> bytes:
        """Read a body, inflated, piece by piece."""
        body = bytearray()
        most = self._limits.answer_mib * MIB
        for piece in response.iter_content(PIECE):
            body += piece
            if len(body) > most:
                response.close()
                raise AnswerError(self._too_large("bytes"))
            if len(body) > LARGE:
                self._exchanges.hold_large(exchange)
        if len(body) > LARGE and _values(body) > most // BYTES_OF_A_VALUE:
            raise AnswerError(self._too_large("values"))
        return bytes(body)

    def _too_large(self, what: str) -> str:
        return (
            f"an answer of more {what} than [collector] answer_max_mib = "
            f"{self._limits.answer_mib} allows: lower page_size where it is a page, or raise it"
        )


def mount(session: requests.Session, limits: CallLimits, exchanges: InFlightRequests) -> None:
    """Have a session's requests go this way."""
    transport = BoundedAdapter(limits, exchanges)
    for scheme in POOLS:
        session.mount(f"{scheme}://", transport)


def _values(body: bytearray) -> int:
    """Return about how many values a JSON document has."""
    return sum(map(body.count, (b",", b"[", b"{")))


def _certain(error: requests.RequestException) -> bool:
    """Return whether asking again at once is of no use: nobody answered, or TLS failed."""
    timed_out = isinstance(error, requests.Timeout) or isinstance(
        next(iter(error.args), None), urllib3.exceptions.ReadTimeoutError
    )
    return timed_out or isinstance(error, requests.exceptions.SSLError)


def _check_choices(response: Any) -> None:
    """Raise AnswerError where a service offers its versions instead of what was asked for.

    Documents of versions may have the same status: they are read as what they are.
    """
    if response.status_code == CHOICES and b'"choices"' in response.content:
        raise AnswerError(
            f"HTTP 300: several versions are served at {response.url.partition('?')[0]}, and the "
            "request must name one: correct the service's endpoint in the catalog"
        )
