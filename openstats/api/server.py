"""The server: waitress, whose own refusals speak the error document too."""

import logging
from copy import copy
from typing import Any
from uuid import uuid4

from waitress.channel import HTTPChannel
from waitress.server import create_server
from waitress.task import ErrorTask

from openstats.api import errors, receivers
from openstats.api.body import LARGEST
from openstats.api.parameters import shown
from openstats.api.parsing import Parser

# It warns of each request that waits for a thread, even if for a microsecond.
logging.getLogger("waitress.queue").setLevel(logging.ERROR)


class DocumentedRefusal(ErrorTask):  # type: ignore[misc]
    """What waitress says to requests that never reach the application: too large, malformed."""

    def execute(self) -> None:
        """Write the error document instead of plain text."""
        error = self.request.error
        request_id = f"req-{uuid4()}"
        code, title = "openstats.request.refused", "The request was refused"
        if error.code == 413:
            code, title = errors.TooLargeError.code, errors.TooLargeError.title
        detail = shown(error.body or error.reason)
        body = errors.document(error.code, code, title, (detail,), request_id)
        self.status = f"{error.code} {error.reason}"
        self.response_headers = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("X-Openstack-Request-Id", request_id),
            ("Cache-Control", "no-store"),
            ("Connection", "close"),
        ]
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)


class Requests(Parser):
    """Requests whose bodies are as large as what they are sent to takes; chunks have a frame."""

    adj: Any

    def parse_header(self, header_plus: bytes) -> None:
        """Read the head of a request."""
        super().parse_header(header_plus)
        if self.path.startswith(receivers.URL):
            self.adj = copy(self.adj)
            self.adj.max_request_body_size = 2 * receivers.LARGEST


class Channel(HTTPChannel):  # type: ignore[misc]
    """A connection whose refusals are documented."""

    error_task_class = DocumentedRefusal
    parser_class = Requests


def make_server(app: Any, options: Any) -> Any:
    """Listen on [api] host and port; ``run`` serves until ``close`` is called.

    Raises:
        OSError: the address is taken or not this machine's.
    """
    server = create_server(
        app,
        host=options.host,
        port=options.port,
        threads=options.threads,
        ident="openstats",
        # What is read before the application sees anything.
        max_request_body_size=2 * LARGEST,
        clear_untrusted_proxy_headers=False,
    )
    server.channel_class = Channel
    return server
