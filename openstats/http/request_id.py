"""Request ids: each request has one of its own; that of the caller's request is kept beside it.

The names are those of oslo.middleware. Its layer is not used: it makes a WebOb response of each
answer, and an id that the log does not know.
"""

import re
from wsgiref.types import WSGIEnvironment

from oslo_context import context
from oslo_middleware.request_id import (
    ENV_REQUEST_ID,
    GLOBAL_REQ_ID,
    ID_FORMAT,
    INBOUND_HEADER,
)

HEADER = INBOUND_HEADER
VARIABLE = "HTTP_X_OPENSTACK_REQUEST_ID"
"""The header of the caller's request, as the environment of a request names it."""

_valid_id = re.compile(ID_FORMAT).fullmatch


def assign(environ: WSGIEnvironment) -> str:
    """Return the id of a request that begins; put it into its environment and into the log."""
    caller_id = environ.get(VARIABLE, "")
    global_id = caller_id if _valid_id(caller_id) else None
    # It becomes the current one of this thread, where oslo.log looks for the ids.
    request_context = context.RequestContext(global_request_id=global_id)
    environ[ENV_REQUEST_ID] = request_context.request_id
    environ[GLOBAL_REQ_ID] = global_id
    return str(request_context.request_id)


def current(environ: WSGIEnvironment) -> str:
    """Return the id of the request that an environment is of."""
    return str(environ[ENV_REQUEST_ID])


def generate() -> str:
    """Return an id for a request that never reaches the application."""
    return context.generate_request_id()
