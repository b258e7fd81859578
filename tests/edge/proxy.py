"""The edge itself: a forward proxy for http:// URLs with rules and a record of what passed.

Reads requests in absolute form (as python-requests sends them to HTTP_PROXY), decides by the
rules, remembers. It does not know what OpenStack is.
"""

import re
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from typing import NamedTuple, Self

from tests.edge.actions import Action, Hang, Pass, Status
from tests.edge.exchange import Exchange
from tests.edge.listener import Listener
from tests.edge.upstream import Question, Upstream

PASS = Pass()
NOT_A_PROXY_REQUEST = Status(501, body=b"only http:// URLs in absolute form\n")

Match = str | re.Pattern[str] | Callable[[str, str], bool]


class RecordedRequest(NamedTuple):
    """A request that has been decided: `status` is None when no answer was given."""

    method: str
    url: str
    status: int | None
    seconds: float


class Rule:
    """A standing order; `hits` counts the requests that it was applied to."""

    def __init__(self, match: Match, action: Action, times: int | None) -> None:
        self.action = action
        self.hits = 0
        self._times = times
        self._match = match if callable(match) else re.compile(match)

    def takes(self, method: str, url: str) -> bool:
        """Whether this request is the rule's; counts it if so. The edge holds its lock here."""
        if self._times is not None and self.hits >= self._times:
            return False
        if isinstance(self._match, re.Pattern):
            matched = bool(self._match.search(f"{method} {url}"))
        else:
            matched = self._match(method, url)
        self.hits += matched
        return matched


class Edge:
    """`with Edge() as edge:` - a proxy at `edge.url`, on 127.0.0.1."""

    def __init__(self, port: int = 0) -> None:
        self._listener = Listener(self._serve, port)
        self._changed = threading.Condition()
        self._rules: list[Rule] = []
        self._hangs: set[Hang] = set()
        self._requests: list[RecordedRequest] = []

    def __enter__(self) -> Self:
        self._listener.open()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.close()
        for hang in self._hangs:
            hang.release()

    @property
    def url(self) -> str:
        """What HTTP_PROXY must say."""
        return f"http://127.0.0.1:{self._listener.port}"

    def environ(self) -> dict[str, str]:
        """Environment variables that send everything through here, 127.0.0.1 too."""
        proxied = dict.fromkeys(("HTTP_PROXY", "http_proxy"), self.url)
        return proxied | dict.fromkeys(("NO_PROXY", "no_proxy"), "")

    @property
    def requests(self) -> list[RecordedRequest]:
        """All that passed since the beginning or `clear`, in the order of the answers."""
        with self._changed:
            return list(self._requests)

    def count(self, predicate: Callable[[RecordedRequest], bool] | None = None) -> int:
        """How many requests there were (that satisfy the predicate)."""
        return sum(predicate is None or predicate(request) for request in self.requests)

    def clear(self) -> None:
        """Forget the requests, not the rules."""
        with self._changed:
            self._requests.clear()

    def wait(
        self,
        number: int,
        predicate: Callable[[RecordedRequest], bool] | None = None,
        timeout: float = 10.0,
    ) -> bool:
        """Wait until `number` requests (that satisfy the predicate) have passed."""
        with self._changed:
            # The condition's lock may be taken again by the thread that has it.
            return self._changed.wait_for(lambda: self.count(predicate) >= number, timeout)

    def rule(self, match: Match, action: Action, times: int | None = None) -> Rule:
        """Apply `action` to what matches, `times` times or for good; the newest rule wins.

        `match` is a regular expression searched in "METHOD URL", or a callable(method, url).
        """
        rule = Rule(match, action, times)
        with self._changed:
            self._rules.insert(0, rule)
            if isinstance(action, Hang):
                self._hangs.add(action)
        return rule

    def remove(self, rule: Rule) -> None:
        """Take a rule away; it may be gone already."""
        with self._changed:
            self._rules = [active for active in self._rules if active is not rule]

    def remove_all(self) -> None:
        """Take all rules away."""
        with self._changed:
            self._rules = []

    @contextmanager
    def during(self, match: Match, action: Action, times: int | None = None) -> Iterator[Rule]:
        """Hold a rule for as long as the block lasts."""
        rule = self.rule(match, action, times)
        try:
            yield rule
        finally:
            self.remove(rule)

    def refuse(self) -> None:
        """Stop listening and end all connections: the kernel refuses whoever comes."""
        self._listener.close()

    def accept(self) -> None:
        """Listen again, on the same port."""
        self._listener.open()

    def decide(self, method: str, url: str) -> Action:
        """Choose the action for this request; counts the rule's hit."""
        with self._changed:
            for rule in self._rules:
                if rule.takes(method, url):
                    return rule.action
        return PASS

    def record(self, request: RecordedRequest) -> None:
        """Remember a request, and wake who waits for it."""
        with self._changed:
            self._requests.append(request)
            self._changed.notify_all()

    def _serve(self, connection: socket.socket) -> None:
        Conversation(connection, ("", 0), self)


class Conversation(BaseHTTPRequestHandler):
    """One client connection: reads requests and lets the edge decide. `server` is the edge."""

    protocol_version = "HTTP/1.1"

    def setup(self) -> None:
        """Give the connection its own way to the servers."""
        super().setup()
        self._upstream = Upstream()

    def finish(self) -> None:
        """Close both sides."""
        self._upstream.close()
        super().finish()

    def _exchange(self) -> None:
        edge, method, url = self.server, self.command, self.path

        def record(status: int | None, seconds: float) -> None:
            edge.record(RecordedRequest(method, url, status, seconds))

        length = int(self.headers.get("Content-Length") or 0)
        question = Question(method, url, self.headers.items(), self.rfile.read(length))
        exchange = Exchange(question, self.connection, self._upstream, record)
        absolute = url.startswith("http://")
        action = edge.decide(method, url) if absolute else NOT_A_PROXY_REQUEST
        action.apply(exchange)
        if not exchange.keep_alive:
            self.close_connection = True

    def __getattr__(self, name: str) -> Callable[[], None]:
        """All methods are one: http.server looks for do_GET, do_POST and so on."""
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Write nothing: the edge's record is its log."""
