"""The checks of the API's service user, which validates the tokens of callers."""

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from openstats.cli.check.lines import FAILED, WARNING, Line, Trial, skipped_line
from openstats.errors import OpenstatsError

if TYPE_CHECKING:
    from oslo_config import cfg

    from openstats.http.auth.credential import IdentityClient

API, TOKENS, GROUPS = "API", "API, tokens", "API, groups"
NO_KEYSTONE_URL = (
    "[keystone_authtoken] www_authenticate_uri is not set, so 401 answers do not name a Keystone: "
    "set it to the Keystone URL that callers use"
)


@dataclass
class ApiCheck:
    """The trials of the service user, and their result lines so far."""

    conf: "cfg.ConfigOpts"
    trial: Trial
    name: str = API
    lines: list[Line] = field(default_factory=list)
    is_over: bool = False

    def run(self) -> None:
        """Try to sign in, then to validate a token and to list groups."""
        from openstats.http.auth import credential

        try:
            identity = credential.identity_client(credential.declare_options(self.conf))
        except OpenstatsError as error:
            self.lines.append(Line(API, FAILED, str(error)))
        else:
            if not self.conf.keystone_authtoken.www_authenticate_uri:
                self.lines.append(Line(API, WARNING, NO_KEYSTONE_URL))
            self._ask(identity)
        self.is_over = True

    def _ask(self, identity: "IdentityClient") -> None:
        from openstats.clouds import missing_rights, service_user

        try:
            service_user.sign_in(identity)
        except OpenstatsError as error:
            self.lines += [Line(TOKENS, FAILED, str(error)), skipped_line(GROUPS, TOKENS)]
            return
        ask = missing_rights.probe_of_service_user(identity)
        self.lines += self.trial(ask, TOKENS, TOKENS, partial(service_user.check_tokens, identity))
        self.lines += self.trial(ask, GROUPS, GROUPS, partial(service_user.check_groups, identity))

    def finish(self, seconds: float) -> list[Line]:
        """Return the lines so far; if the check still runs, add that Keystone timed out."""
        lines = list(self.lines)
        if not self.is_over:
            lines.append(Line(API, FAILED, f"Keystone did not answer within {seconds:g} s"))
        return lines
