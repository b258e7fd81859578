"""HTTP of the double: reads requests off a connection, finds the service, writes the answer.

Latency is slept in the connection's own thread, so that requests wait at the same time.
"""

import json
import logging
import re
import socket
import time
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from urllib.parse import parse_qsl, urlsplit

from tests.double import hosts, identity, placement, volume
from tests.double.web import Api, Reply, Request, ServiceError, Site, answer
from tests.edge.listener import Listener

LOG = logging.getLogger(__name__)

APIS: dict[str, Api] = {
    api.prefix: api for api in (identity.API, hosts.API, volume.API, placement.API)
}
# What the control endpoint does with a path below /double and a JSON document.
Control = Callable[[str, dict], dict]


class Server:
    """Serves a site on 127.0.0.1; `latency` (seconds) may be changed at any time."""

    def __init__(self, site: Site, control: Control, latency: float, port: int) -> None:
        self.site = site
        self.latency = latency
        self.control = control
        self._listener = Listener(self._serve, port)

    def start(self) -> None:
        """Begin to listen, and tell the site its URL."""
        self._listener.open()
        self.site.url = f"http://127.0.0.1:{self._listener.port}"

    def stop(self) -> None:
        """Stop listening, end all connections."""
        self._listener.close()

    def reply(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        """Answer a request for any of the services."""
        parts = urlsplit(target)
        prefix, _, path = parts.path.removeprefix("/").partition("/")
        if prefix == "double":
            return self._controlled(path, body)
        time.sleep(self.latency)
        if prefix not in APIS:
            return Reply({"error": f"nothing at {parts.path}"}, 404)
        if prefix == "compute":
            # As Nova: the id of a project in the path is nothing but legacy.
            path = re.sub(r"^v2\.1/[0-9a-f]{32}(?=/|$)", "v2.1", path)
        query = dict(parse_qsl(parts.query, keep_blank_values=True))
        request = Request(
            method, f"/{path}".rstrip("/"), f"{self.site.url}/{prefix}", query, headers, body
        )
        return answer(self.site, APIS[prefix], request)

    def _controlled(self, path: str, body: bytes) -> Reply:
        try:
            return Reply(self.control(path, json.loads(body or b"{}")))
        except (ValueError, LookupError, TypeError, AttributeError, ServiceError) as error:
            return Reply({"error": repr(error)}, 400)

    def _serve(self, connection: socket.socket) -> None:
        Conversation(connection, ("", 0), self)


class Conversation(BaseHTTPRequestHandler):
    """One kept connection. `server` is the Server above."""

    protocol_version = "HTTP/1.1"

    def _exchange(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        try:
            reply = self.server.reply(self.command, self.path, self.headers, body)
        except Exception:
            # A fault of the double itself must not look like a cloud that went away.
            LOG.exception("%s %s", self.command, self.path)
            reply = Reply({"error": "the double failed; see its log"}, 500)
        payload = json.dumps(reply.document).encode()
        lines = [
            f"HTTP/1.1 {reply.status} {HTTPStatus(reply.status).phrase}",
            f"Date: {formatdate(time.time() + self.server.site.settings.clock_ahead, usegmt=True)}",
            "Content-Type: application/json",
            f"Content-Length: {len(payload)}",
            *(f"{name}: {value}" for name, value in reply.headers.items()),
        ]
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
        # One write: two would wait for each other's acknowledgement.
        self.connection.sendall(head if self.command == "HEAD" else head + payload)

    def __getattr__(self, name: str) -> Callable[[], None]:
        """All methods are one: http.server looks for do_GET, do_POST and so on."""
        if name.startswith("do_"):
            return self._exchange
        raise AttributeError(name)

    def log_message(self, *_: object) -> None:
        """Whoever wants to know the requests puts the edge before the double."""
