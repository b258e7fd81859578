"""The session of keystoneauth through which every client calls a cloud."""

from typing import Any

from keystoneauth1.exceptions import HttpError
from keystoneauth1.session import Session

from openstats.clouds.transport.retries import requested_pause


class CloudSession(Session):
    """A session that raises keystoneauth's own error, with its response, for each refused call.

    novaclient and cinderclient ask a session not to raise. Their own errors drop the headers of the
    response, and ``Retry-After`` with them.

    ``requested_pause`` are the seconds that the last refusal asked for: a copy of the session knows
    those of its own calls.
    """

    requested_pause = 0.0

    def request(self, url: str, method: str, *args: Any, **options: Any) -> Any:
        """Send a request; plugins that sign in, and name no service, may look at refusals."""
        if options.get("endpoint_filter"):
            options["raise_exc"] = True
        try:
            return super().request(url, method, *args, **options)
        except HttpError as error:
            self.requested_pause = requested_pause(error.response)
            raise
