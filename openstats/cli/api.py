"""The client of the API that commands use: a server, or the application in this process.

Without ``--url``, commands call the application in this process, as an admin.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from email.message import Message
from http.client import HTTPException, HTTPResponse
from ssl import SSLCertVerificationError, SSLError
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import HTTPRedirectHandler, Request, build_opener

from openstats.cli.author import author
from openstats.errors import OpenstatsError
from openstats.names import escaped

if TYPE_CHECKING:
    from openstats.cli.main import Openstats

SECONDS = 60
MEDIA_TYPE = "application/json"
NO_CONTENT, UNAUTHORIZED = 204, 401
UNKNOWN_URL = "openstats.route.unknown"
URL_RULE = "--url (OPENSTATS_URL) must be the URL of openstats, as http://HOST:PORT"
FOREIGN = f"the server answered {{status}}, but not as openstats does: {URL_RULE}"
SIGN_IN = "set OPENSTATS_TOKEN or --token to the output of 'openstack token issue -f value -c id'"


class ApiResponse(NamedTuple):
    """A response of the API; ``document`` is None if the body is not JSON."""

    status: int
    document: Any
    headers: Mapping[str, str] | Message


Send = Callable[[str, str, object], ApiResponse]
"""A function that sends a method, a path with its query, and a document or None."""


class Api:
    """A client of the API."""

    def __init__(self, send: Send) -> None:
        self._send = send

    def ask(
        self,
        path: str,
        *,
        query: Iterable[tuple[str, object]] = (),
        method: str = "GET",
        body: object = None,
    ) -> ApiResponse:
        """Send a request, and return the response.

        Raises:
            OpenstatsError: the API answered with an error, or something else than openstats did.
        """
        parameters = urlencode(list(query))
        answer = self._send(method, f"{path}?{parameters}" if parameters else path, body)
        if answer.status >= 300:
            raise OpenstatsError("; ".join(map(escaped, _sentences(answer))))
        if answer.document is None and answer.status != NO_CONTENT:
            raise foreign_error(answer)
        return answer

    def entries(self, path: str, key: str, query: Iterable[tuple[str, object]]) -> list[Any]:
        """Return the entries on one page of a list.

        Raises:
            OpenstatsError: the API answered with an error, or the response has no such list.
        """
        return listed(self.ask(path, query=query), key)


def api(app: "Openstats") -> Api:
    """Return a client of the server at ``--url``, or else of the application in this process."""
    options = app.options
    if options.url:
        return Api(_server(options.url, options.token))
    from openstats.wsgi import in_process

    send = in_process.sender(app.conf, app.store, author("command"))
    return Api(lambda method, url, document: ApiResponse(*send(method, url, document)))


def listed(answer: ApiResponse, key: str) -> list[Any]:
    """Return the list of entries in a response.

    Raises:
        OpenstatsError: the response has no such list.
    """
    try:
        return [*answer.document[key]]
    except (LookupError, TypeError):
        raise foreign_error(answer) from None


def foreign_error(answer: ApiResponse) -> OpenstatsError:
    """Return the error to raise if something other than openstats answered."""
    return OpenstatsError(FOREIGN.format(status=answer.status))


def _sentences(answer: ApiResponse) -> list[str]:
    try:
        details = [_sentence(error) for error in answer.document["errors"]]
    except (LookupError, TypeError):
        return [FOREIGN.format(status=answer.status)]
    return [*details, *([SIGN_IN] if answer.status == UNAUTHORIZED else [])]


def _sentence(error: Mapping[str, object]) -> str:
    detail = str(error["detail"])
    if error.get("code") == UNKNOWN_URL:
        return f"the server has no URL {detail}: {URL_RULE}, without /api"
    return detail


class _NoRedirects(HTTPRedirectHandler):
    """Refuses redirects, so that the token goes to no other server than the named one."""

    def redirect_request(self, *_: object) -> None:
        """Return None, so that the redirect becomes an HTTPError."""


def _server(url: str, token: str | None) -> Send:
    if not url.lower().startswith(("http://", "https://")):
        raise OpenstatsError(f"--url {escaped(url)}: must begin with http:// or https://")
    if token and not (token.isascii() and token.isprintable()):
        raise OpenstatsError("--token: must be printable ASCII")
    opener = build_opener(_NoRedirects)
    headers = {"Accept": MEDIA_TYPE} | ({"X-Auth-Token": token} if token else {})

    def send(method: str, path: str, body: object) -> ApiResponse:
        content = None if body is None else json.dumps(body).encode()
        typed = headers if content is None else headers | {"Content-Type": MEDIA_TYPE}
        try:
            # The scheme was checked above.
            request = Request(url.rstrip("/") + path, content, typed, method=method)  # noqa: S310
            with opener.open(request, timeout=SECONDS) as response:
                return _read(response.status, response)
        except HTTPError as error:
            with error:
                return _read(error.code, error)
        except (HTTPException, OSError, ValueError) as error:
            raise OpenstatsError(f"{escaped(url)} does not answer: {_reason(error)}") from error

    return send


def _reason(error: Exception) -> str:
    reason = getattr(error, "reason", error)
    if isinstance(reason, SSLCertVerificationError):
        return (
            f"its certificate is not trusted ({reason.verify_message}): set SSL_CERT_FILE to "
            "a file with the certificate of the authority that signed it"
        )
    if isinstance(reason, SSLError):
        return f"it does not use TLS ({reason.reason}): did you mean http://?"
    return escaped(str(reason)) or type(reason).__name__


def _read(status: int, response: HTTPResponse | HTTPError) -> ApiResponse:
    text = response.read()
    try:
        document = json.loads(text) if text else None
    except ValueError:
        document = None
    return ApiResponse(status, document, response.headers)
