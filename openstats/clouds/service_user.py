"""The service user, with whom the API asks Keystone about its callers: what it can do."""

from keystoneauth1.adapter import Adapter
from keystoneauth1.exceptions import Unauthorized

from openstats.clouds.errors import translated
from openstats.errors import CloudError

SECTION = "[keystone_authtoken]"
"""The section of the configuration with its credential: its errors begin with it."""


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
    """Validate the user's own token, as the API does those of callers; return its roles in words.

    Its own token it may validate without any right: whether others', ``rights`` finds out.

    Raises:
        CloudError: the service user cannot sign in, or Keystone does not answer.
    """
    headers = {"X-Subject-Token": sign_in(keystone)}
    with translated(SECTION, "validating a token"):
        token = keystone.get("/auth/tokens", headers=headers).json()["token"]
        names = sorted(str(role["name"]) for role in token.get("roles", ()))
        return f"the service user can validate tokens; its roles: {', '.join(names) or 'none'}"


def check_groups(keystone: Adapter) -> str:
    """List the user's own groups, as the API does those of callers; return their number in words.

    Raises:
        CloudError: the service user cannot sign in, or Keystone does not answer.
    """
    with translated(SECTION, "signing in"):
        user_id = keystone.get_user_id()
    with translated(SECTION, "groups of a user"):
        number = len(keystone.get(f"/users/{user_id}/groups").json()["groups"])
        return f"the service user can list the groups of users; it is in {number or 'none'} itself"
