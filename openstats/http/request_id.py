"""Request ids: each request gets one; an id that the caller sends is kept beside it.

The names are those of oslo.middleware. Its middleware is not used: it turns each response into a
WebOb response, and generates an id that the log does not know.
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
"""Key of the WSGI environment that holds the id sent by the caller."""

_valid_id = re.compile(ID_FORMAT).fullmatch


def assign(environ: WSGIEnvironment) -> str:
    """Return a new id for a request; set it in the environment and in the log context."""
    caller_id = environ.get(VARIABLE, "")
    global_id = caller_id if _valid_id(caller_id) else None
    # This becomes the current context of the thread, from which oslo.log takes the ids.
    request_context = context.RequestContext(global_request_id=global_id)
    environ[ENV_REQUEST_ID] = request_context.request_id
    environ[GLOBAL_REQ_ID] = global_id
    return str(request_context.request_id)


def current(environ: WSGIEnvironment) -> str:
    """Return the id of the request with this environment."""
    return str(environ[ENV_REQUEST_ID])


def generate() -> str:
    """Return an id for a request that never reaches the application."""
    return context.generate_request_id()
