"""The keystoneauth session that all clients of a cloud use."""

from typing import Any

import requests
from keystoneauth1.exceptions import HttpError
from keystoneauth1.session import Session

from openstats.clouds.transport.retries import requested_pause


class CloudSession(Session):
    """A session that raises keystoneauth's HttpError, with the response, for each refused call.

    novaclient and cinderclient ask the session not to raise. Their own errors drop the headers of
    the response, including ``Retry-After``.

    ``requested_pause`` is the pause in seconds that the last error response requested. A copy of
    the session records only its own calls.
    """

    requested_pause = 0.0

    def request(self, url: str, method: str, *args: Any, **options: Any) -> requests.Response:
        """Send a request; raise errors except for auth plugins, which name no service."""
        if options.get("endpoint_filter"):
            options["raise_exc"] = True
        try:
            return super().request(url, method, *args, **options)
        except HttpError as error:
            self.requested_pause = requested_pause(error.response)
            raise
