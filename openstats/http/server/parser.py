"""Parsing of requests: waitress' parser, which here refuses all ambiguous requests.

If a proxy and this server disagree on where a request ends, an attacker can smuggle in a request
that the proxy never saw, and whose response goes to another client (RFC 9112, 11.2).
"""

import re
from copy import copy
from typing import Any

from waitress.parser import HTTPRequestParser, ParsingError
from waitress.receiver import ChunkedReceiver
from waitress.utilities import BadRequest

from openstats.http import receiver_urls

CODING = re.compile(rb"^transfer-encoding:[ \t]*(.*?)[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)

FOLDED = re.compile(rb"\n[ \t]")
SLASH = re.compile("%2f", re.IGNORECASE)
BARE = re.compile(rb"(?<!\r)\n|\r(?!\n|\Z)")


class Parser(HTTPRequestParser):  # type: ignore[misc]
    """An unambiguous request; all others are refused with 400."""

    adj: Any
    body_rcv: Any = None
    error: Any
    completed: bool
    headers_finished: bool
    header_plus: bytes
    _expected = False

    @property
    def expect_continue(self) -> bool:
        """Whether the client waits for 100 Continue, and the body is wanted."""
        return self._expected and self.body_rcv is not None and not self.error

    @expect_continue.setter
    def expect_continue(self, expected: bool) -> None:
        self._expected = expected

    def received(self, data: bytes) -> int:
        """Parse received bytes, and return how many belong to this request.

        Refuse a bare CR or LF at once: waitress would wait for CR LF CR LF, which never comes if
        lines end with LF alone.
        """
        if self.body_rcv is None and not self.completed:
            head, end, _ = (self.header_plus + data).partition(b"\r\n\r\n")
            if BARE.search(head + end):
                # Sets the attributes that the refusal needs.
                super().parse_header(b"GET / HTTP/1.0\r\n")
                self.error = BadRequest("Bare CR or LF found in HTTP message")
                self.completed = self.headers_finished = True
                return len(data)
        return int(super().received(data))

    def parse_header(self, header_plus: bytes) -> None:
        """Parse the head of a request; allow larger bodies if its URL is that of a receiver.

        Raises:
            ParsingError: the head is malformed, or ambiguous.
        """
        try:
            super().parse_header(header_plus)
        except ValueError as error:
            # From urlsplit, or from int for thousands of digits. waitress would just hang up.
            raise ParsingError(str(error)) from error
        self._check_head(header_plus)
        if self.path.startswith(receiver_urls.RECEIVERS):
            self.adj = copy(self.adj)
            self.adj.max_request_body_size = 2 * receiver_urls.MAX_BYTES

    def _check_head(self, header_plus: bytes) -> None:
        if self.version not in ("1.0", "1.1"):
            raise ParsingError("the HTTP version must be 1.0 or 1.1")
        if FOLDED.search(header_plus):
            raise ParsingError("a header continues on the next line: write it in one line")
        if self.version == "1.1" and "HOST" not in self.headers:
            raise ParsingError("HTTP/1.1 requires a Host header")
        if SLASH.search(self.request_uri.partition("?")[0]):
            raise ParsingError("the path has an escaped slash: write it as /")
        if codings := CODING.findall(header_plus):
            self._check_coding([coding.lower() for coding in codings])
        if self.proxy_netloc and self.proxy_netloc.lower() != self.headers.get("HOST", "").lower():
            raise ParsingError("Host differs from the host of the URL")

    def _check_coding(self, codings: list[bytes]) -> None:
        if self.version == "1.0" or "CONTENT_LENGTH" in self.headers or codings != [b"chunked"]:
            raise ParsingError("Transfer-Encoding: must be one chunked, without Content-Length")
        self.body_rcv = ChunkedBody(self.body_rcv.getbuf())


class ChunkedBody(ChunkedReceiver):  # type: ignore[misc]
    """A chunked body whose lines must end with CR LF."""

    def received(self, data: bytes) -> int:
        """Parse received bytes, and return how many belong to the body."""
        position = 0
        while position < len(data) and not self.completed and not self.error:
            position += super().received(self._piece(data[position:]))
        return position

    def _piece(self, data: bytes) -> bytes:
        """Return the longest prefix that lies within one chunk, one chunk end or one line."""
        if self.chunk_remainder:
            return data[: self.chunk_remainder]
        if self.validate_chunk_end:
            return data[: 2 - len(self.chunk_end)]
        line = data[: data.find(b"\n") + 1 or len(data)]
        line_begin = self.trailer if self.all_chunks_received else self.control_line
        if line.endswith(b"\n") and not (line_begin + line).endswith(b"\r\n"):
            self.error = BadRequest("Bare LF in the frame of a chunk")
        return line
