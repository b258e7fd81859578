"""Checks of the service user, as which the API validates its callers in Keystone."""

from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import Unauthorized

from openstats.clouds.errors import translated
from openstats.errors import CloudError

SECTION = "[keystone_authtoken]"
"""The configuration section with its credential; its errors begin with this name."""


def sign_in(keystone: Adapter) -> str:
    """Return a token of the service user.

    Raises:
        CloudError: the service user cannot sign in, or Keystone does not answer.
    """
    try:
        with translated(SECTION, "signing in"):
            return str(keystone.get_token())
    except CloudError as error:
        if not isinstance(error.__cause__, Unauthorized):
            raise
        raise CloudError(
            f"{SECTION}: signing in: HTTP 401: Keystone refuses the credential: username, "
            "password, project_name or a domain of them is wrong, or the account is locked or "
            "disabled"
        ) from error


def check_tokens(keystone: Adapter) -> str:
    """Validate the service user's own token; return a sentence with its roles.

    Its own token needs no right; ``missing_rights`` checks the right to validate others.

    Raises:
        CloudError: the service user cannot sign in, or Keystone does not answer.
    """
    headers = {"X-Subject-Token": sign_in(keystone)}
    with translated(SECTION, "validating a token"):
        token = keystone.get("/auth/tokens", headers=headers).json()["token"]
        names = sorted(str(role["name"]) for role in token.get("roles", ()))
        return f"the service user can validate tokens; its roles: {', '.join(names) or 'none'}"


def check_groups(keystone: Adapter) -> str:
    """List the service user's own groups; return a sentence with their number.

    Raises:
        CloudError: the service user cannot sign in, or Keystone does not answer.
    """
    with translated(SECTION, "signing in"):
        user_id = keystone.get_user_id()
    with translated(SECTION, "groups of a user"):
        number = len(keystone.get(f"/users/{user_id}/groups").json()["groups"])
        return f"the service user can list the groups of users; it is in {number or 'none'} itself"
