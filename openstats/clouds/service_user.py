"""The service user, with whom the API asks Keystone of its callers: whether it can."""

from typing import Any

from keystoneauth1.exceptions import Unauthorized

from openstats.clouds.errors import translated
from openstats.errors import CloudError

WHO = "[keystone_authtoken]"
"""Where its credential is: what its errors begin with."""


def sign_in(identity: Any) -> str:
    """Return a token of its own.

    Raises:
        CloudError: it cannot sign in, or Keystone does not answer.
    """
    try:
        with translated(WHO, "signing in"):
            return str(identity.get_token())
    except CloudError as error:
        if not isinstance(error.__cause__, Unauthorized):
            raise
        raise CloudError(
            f"{WHO}: signing in: HTTP 401: Keystone refuses the credential: username, password, "
            "project_name or a domain of them is wrong, or the account is locked or disabled"
        ) from error


def tokens(identity: Any) -> str:
    """Validate its own token, as the API does those of callers, and say what it is good for.

    Its own it may validate without any right: whether others', ``rights`` finds out.

    Raises:
        CloudError: it cannot sign in, or Keystone does not answer.
    """
    own = {"X-Subject-Token": sign_in(identity)}
    with translated(WHO, "validating a token"):
        token = identity.get("/auth/tokens", headers=own).json()["token"]
        names = sorted(str(role["name"]) for role in token.get("roles", ()))
        return f"the service user can validate tokens; its roles: {', '.join(names) or 'none'}"


def groups(identity: Any) -> str:
    """List its own groups, as the API does those of callers, and say how many there are.

    Raises:
        CloudError: it cannot sign in, or Keystone does not answer.
    """
    with translated(WHO, "signing in"):
        own = identity.get_user_id()
    with translated(WHO, "groups of a user"):
        number = len(identity.get(f"/users/{own}/groups").json()["groups"])
        return f"the service user can list the groups of users; it is in {number or 'none'} itself"
