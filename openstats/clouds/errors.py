"""The one place where everything that can go wrong with a cloud becomes a CloudError."""

from collections.abc import Iterator
from contextlib import contextmanager

import keystoneauth1.exceptions
import requests
from keystoneauth1.exceptions import HttpError

from openstats.clouds.figures import FigureError
from openstats.clouds.transport.adapter import AnswerError
from openstats.clouds.transport.in_flight import release_large_answer
from openstats.clouds.transport.retries import requested_pause
from openstats.errors import (
    CloudError,
    OddFigureError,
    OpenstatsError,
    RefusedError,
    ServiceMissingError,
    VersionRefusedError,
)
from openstats.names import escaped

FORBIDDEN, NOT_FOUND, NOT_ACCEPTABLE, GONE = 403, 404, 406, 410

ERROR_OF_STATUS = {
    FORBIDDEN: RefusedError,
    NOT_FOUND: RefusedError,
    GONE: RefusedError,
    NOT_ACCEPTABLE: VersionRefusedError,
}

MISSING = (
    keystoneauth1.exceptions.EmptyCatalog,
    keystoneauth1.exceptions.EndpointNotFound,
)
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""Errors of reading one item of an answer."""

DEFECTS = (AssertionError, NameError, ImportError, SyntaxError, MemoryError)
"""Errors that no cloud can cause: a mistake of ours, or a machine at its limits."""

UNREACHED = (OSError, requests.exceptions.RequestException)
"""Errors from before there is an answer: files of TLS, sockets, URLs that are none."""

TLS_ADVICE = "see cacert, cert and key in the cloud's entry in clouds.yaml"
URL_ADVICE = "see auth_url and the URLs in the cloud's entry in clouds.yaml"
HTTP_ADVICE = "the server speaks http there: write http:// in the URL, or correct its port"

NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "record layer failure", "wrong version")
"""Words of OpenSSL about a server that answers in plain text."""


@contextmanager
def translated(cloud: str, call: str) -> Iterator[None]:
    """Raise whatever goes wrong inside as an error that names the cloud and the call.

    Raises:
        ServiceMissingError: the catalog does not hold the service.
        VersionRefusedError: the service does not speak the microversion (406).
        RefusedError: the service refuses the call (403, 404, 410).
        OddFigureError: an answer has a figure that cannot be.
        CloudError: anything else, from a refused connection to an answer nobody can read.
    """
    try:
        yield
    except (OpenstatsError, *DEFECTS):
        raise
    except MISSING as error:
        raise ServiceMissingError(f"{cloud}: {call}: not in the catalog of its region") from error
    except HttpError as error:
        raise _error_of_status(cloud, call, error) from error
    except (keystoneauth1.exceptions.ClientException, AnswerError) as error:
        raise CloudError(f"{cloud}: {call}: {_reason(error)}") from error
    except FigureError as error:
        reason = printable(f"a figure that cannot be: {error}")
        raise OddFigureError(f"{cloud}: {call}: {reason}") from error
    except Exception as error:
        raise CloudError(f"{cloud}: {call}: {_reason_without_answer(error)}") from error
    finally:
        release_large_answer()


def _error_of_status(cloud: str, call: str, error: HttpError) -> CloudError:
    kind = ERROR_OF_STATUS.get(error.http_status, CloudError)
    words = f"HTTP {error.http_status}: {_first_line(words_of(error), error)}"
    translation = kind(f"{cloud}: {call}: {words}")
    translation.retry_after = requested_pause(error.response)
    return translation


def words_of(error: HttpError) -> str:
    """Return what a service says of an error; keystoneauth cannot read Nova and Cinder in this."""
    message = _message(error.response)
    if not message:
        return str(error).replace(f" (HTTP {error.http_status})", "")
    return f"{message} (Request-ID: {error.request_id})" if error.request_id else message


def _message(response: requests.Response | None) -> str | None:
    """Return the message of ``{"message": …}`` or ``{"itemNotFound": {"message": …}}``."""
    try:
        document = response.json() if response is not None else None
    except ValueError:
        return None
    if isinstance(document, dict) and len(document) == 1:
        document = next(iter(document.values()))
    message = document.get("message") if isinstance(document, dict) else None
    return message if isinstance(message, str) else None


def _reason_without_answer(error: Exception) -> str:
    """Return what happened where there is no answer, or one that nobody can read."""
    if isinstance(error, RecursionError):
        return "an answer that cannot be read: it is nested too deeply"
    if isinstance(error, UNREACHED) and not isinstance(error, requests.exceptions.JSONDecodeError):
        return _reason_unreached(error)
    return printable(f"an answer that cannot be read: {type(error).__name__} {error}")


def _reason_unreached(error: Exception) -> str:
    """Return what cannot be asked, and what to do: such errors seldom say what a file is for."""
    reason = printable(str(error) or type(error).__name__)
    is_tls = "TLS" in reason or "certificate" in reason.lower()
    return f"it cannot be asked: {reason}; {TLS_ADVICE if is_tls else URL_ADVICE}"


def _reason(error: Exception) -> str:
    """Return the first line of an error's words, with advice where TLS fails."""
    words, cause = str(error).strip(), error.__cause__ or error.__context__
    if isinstance(error, keystoneauth1.exceptions.ConnectionError) and cause:
        # requests wraps its errors in its own words, three deep: the innermost says why.
        words = words.replace(str(cause), str(_innermost(cause)))
    reason = _first_line(words, error)
    if not isinstance(error, keystoneauth1.exceptions.SSLError):
        return reason
    is_plain_http = any(sign in reason for sign in NO_TLS)
    return f"{reason}; {HTTP_ADVICE if is_plain_http else TLS_ADVICE}"


def _first_line(words: str, error: Exception) -> str:
    """Return the first line of words, fit for a log: the rest may be a whole page of HTML."""
    lines = words.strip().splitlines()
    return printable(lines[0] if lines else type(error).__name__)


def printable(words: str, longest: int = 300) -> str:
    """Return words of a cloud, fit for a line of a log."""
    return escaped(words[:longest])


def _innermost(error: BaseException) -> BaseException:
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error
