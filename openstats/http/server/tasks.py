"""Responses that are written to a connection: the application's, and refusals of the server.

waitress calls them tasks. Nothing here schedules them.
"""

from waitress.task import ErrorTask, WSGITask

from openstats.http import errors, request_id
from openstats.http.headers import Headers
from openstats.http.validation import excerpt


class ApplicationTask(WSGITask):  # type: ignore[misc]
    """A response of the application.

    waitress closes a connection after a response without Content-Length, such as one with status
    204 or 304. To keep the connection open, these are framed as empty bodies, and the header is
    removed again.
    """

    _framed = False
    response_headers: Headers

    @property
    def has_body(self) -> bool:
        """Whether the status allows a body."""
        return self._framed or bool(super().has_body)

    def build_response_header(self) -> bytes:
        """Return the head of the response; while draining, it closes the connection."""
        if self.channel.server.draining:
            self.set_close_on_finish()
        if self.has_body:
            return bytes(super().build_response_header())
        headers = self.response_headers
        self.response_headers = [pair for pair in headers if pair[0].lower() != "content-length"]
        self.content_length, self._framed = 0, True
        head = bytes(super().build_response_header())
        self._framed = False
        return head.replace(b"Content-Length: 0\r\n", b"")


class RefusalTask(ErrorTask):  # type: ignore[misc]
    """The response to requests that waitress refuses itself: too large or malformed."""

    def execute(self) -> None:
        """Write the error document instead of plain text."""
        error = self.request.error
        code, title = "openstats.request.refused", "Request refused"
        if error.code == 413:
            code, title = errors.TooLargeError.code, errors.TooLargeError.title
        detail = excerpt(error.body or error.reason)
        headers, body = _error_document(error.code, code, title, detail)
        self.status = f"{error.code} {error.reason}"
        self.response_headers = headers
        self.close_on_finish = True
        self.content_length = len(body)
        self.write(body)


def refusal(status: str, title: str, detail: str) -> bytes:
    """Return a complete response, head and body; with Retry-After if the status is 503."""
    number = int(status[:3])
    code = "openstats.service.busy" if number == 503 else "openstats.request.refused"
    headers, body = _error_document(number, code, title, detail)
    if number == 503:
        headers.append(("Retry-After", errors.RETRY_AFTER))
    lines = [f"HTTP/1.1 {status}", "Server: openstats", *map(": ".join, headers), "", ""]
    return "\r\n".join(lines).encode("latin-1") + body


def _error_document(status: int, code: str, title: str, detail: str) -> tuple[Headers, bytes]:
    ident = request_id.generate()
    body = errors.document(status, code, title, (detail,), ident)
    headers = [
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        (request_id.HEADER, ident),
        ("Cache-Control", "no-store"),
        ("Connection", "close"),
    ]
    return headers, body
