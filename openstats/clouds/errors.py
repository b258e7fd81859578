"""One door through which everything that can go wrong with a cloud leaves as a CloudError."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import cinderclient.exceptions
import keystoneauth1.exceptions
import novaclient.exceptions
import requests

from openstats.clouds.figures import FigureError
from openstats.clouds.transport.adapter import AnswerError
from openstats.clouds.transport.in_flight import let_go
from openstats.clouds.transport.retries import retry_after
from openstats.errors import (
    CloudError,
    OddFigureError,
    OpenstatsError,
    RefusedError,
    ServiceMissingError,
    VersionRefusedError,
)
from openstats.names import escaped

NOT_ACCEPTABLE = 406
REFUSALS = (403, 404, 410)

CLIENT_ERRORS = (
    cinderclient.exceptions.ClientException,
    novaclient.exceptions.ClientException,
    keystoneauth1.exceptions.HttpError,
)
MISSING = (
    keystoneauth1.exceptions.EmptyCatalog,
    keystoneauth1.exceptions.EndpointNotFound,
    cinderclient.exceptions.EndpointNotFound,
)
MALFORMED = (ValueError, LookupError, TypeError, AttributeError, OverflowError, RecursionError)
"""What reading one item of an answer may fail with."""

DEFECTS = (AssertionError, NameError, ImportError, SyntaxError, MemoryError)
"""What no cloud can cause: a mistake of ours, or a machine at its end."""

UNREACHED = (OSError, requests.exceptions.RequestException)
"""What may happen before there is an answer: files of TLS, sockets, URLs that are none."""

TLS = "see cacert, cert and key in the cloud's entry in clouds.yaml"

PLAIN = "the server speaks http there: write http:// in the URL, or correct its port"
NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "record layer failure", "wrong version")
"""What OpenSSL says of a server that answers in plain text."""

LONGEST_WAIT = 3600
"""Seconds that a cloud may ask to be left alone: it must not be forgotten for a typing error."""

_heard = threading.local()


def hear(response: Any, *_: object, **__: object) -> None:
    """Keep what an answer says of when to ask again: most client libraries drop it.

    A hook of the requests library, which calls it in the thread that asked.
    """
    _heard.retry_after = retry_after(response.headers) or 0.0


def heard() -> float:
    """Return for how many seconds the last answer to this thread asked to be left alone."""
    return min(getattr(_heard, "retry_after", 0.0), LONGEST_WAIT)


@contextmanager
def translated(cloud: str, call: str) -> Iterator[None]:
    """Name the cloud and the call in whatever goes wrong inside.

    Raises:
        ServiceMissingError: the catalog does not hold the service.
        VersionRefusedError: the service does not speak the microversion (406).
        RefusedError: the service says no (403, 404, 410).
        OddFigureError: an answer has a figure that cannot be.
        CloudError: anything else, from a refused connection to an answer nobody can read.
    """
    _heard.retry_after = 0.0
    try:
        yield
    except (OpenstatsError, *DEFECTS):
        raise
    except MISSING as error:
        raise ServiceMissingError(f"{cloud}: {call}: not in the catalog of its region") from error
    except CLIENT_ERRORS as error:
        raise _status_error(cloud, call, error) from error
    except (keystoneauth1.exceptions.ClientException, AnswerError) as error:
        raise CloudError(f"{cloud}: {call}: {_reason(error)}") from error
    except FigureError as error:
        odd = printable(f"a figure that cannot be: {error}")
        raise OddFigureError(f"{cloud}: {call}: {odd}") from error
    except Exception as error:
        raise CloudError(f"{cloud}: {call}: {_other(error)}") from error
    finally:
        let_go()


def _status_error(cloud: str, call: str, error: Exception) -> CloudError:
    status = getattr(error, "http_status", None) or getattr(error, "code", None)
    kind = RefusedError if status in REFUSALS else CloudError
    kind = VersionRefusedError if status == NOT_ACCEPTABLE else kind
    reason = _reason(error).removesuffix(f" (HTTP {status})")
    found = kind(f"{cloud}: {call}: HTTP {status}: {reason}")
    found.retry_after = heard()
    return found


def _other(error: Exception) -> str:
    """Return what happened without an answer, or with one that nobody can read."""
    if isinstance(error, RecursionError):
        return "an answer that cannot be read: it is nested too deeply"
    if isinstance(error, UNREACHED) and not isinstance(error, requests.exceptions.JSONDecodeError):
        return _unreached(error)
    return printable(f"an answer that cannot be read: {type(error).__name__} {error}")


def _unreached(error: Exception) -> str:
    """Return what cannot be asked, and what to do: such errors seldom say what a file is for."""
    reason = printable(str(error) or type(error).__name__)
    tls = "TLS" in reason or "certificate" in reason.lower()
    advice = TLS if tls else "see auth_url and the URLs in the cloud's entry in clouds.yaml"
    return f"it cannot be asked: {reason}; {advice}"


def _reason(error: Exception) -> str:
    """Return the first line of what was said: the rest is somebody's whole page."""
    said, cause = str(error).strip(), error.__cause__ or error.__context__
    if isinstance(error, keystoneauth1.exceptions.ConnectionError) and cause:
        # requests wraps its errors in its own words, three deep: the innermost tells.
        said = said.replace(str(cause), str(_innermost(cause)))
    reason = printable((said.splitlines() or [type(error).__name__])[0])
    if not isinstance(error, keystoneauth1.exceptions.SSLError):
        return reason
    return f"{reason}; {PLAIN if any(sign in reason for sign in NO_TLS) else TLS}"


def printable(words: str, longest: int = 300) -> str:
    """Return what somebody else said, fit for a line of a log."""
    return escaped(words[:longest])


def _innermost(error: BaseException) -> BaseException:
    while cause := error.__cause__ or error.__context__:
        error = cause
    return error
