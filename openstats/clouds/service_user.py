"""The service user, with whom the API asks Keystone of its callers: whether it can."""

from typing import Any

from openstats.clouds.asking import asking

WHO = "[keystone_authtoken]"
"""Where its credential is: what its errors begin with."""


def tokens(identity: Any) -> str:
    """Validate its own token, as the API does those of callers, and say what it is good for.

    Its own it may validate without any right: whether others', ``rights`` finds out.

    Raises:
        CloudError: it cannot sign in, or Keystone does not answer.
    """
    with asking(WHO, "signing in"):
        own = {"X-Subject-Token": str(identity.get_token())}
    with asking(WHO, "validating a token"):
        found = identity.get("/auth/tokens", headers=own).json()["token"]
        return f"its own is valid, with {len(found.get('roles', ()))} roles"


def groups(identity: Any) -> str:
    """List its own groups, as the API does those of callers, and say how many there are.

    Raises:
        CloudError: it cannot sign in, or Keystone does not answer.
    """
    with asking(WHO, "signing in"):
        own = identity.get_user_id()
    with asking(WHO, "groups of a user"):
        return f"it is in {len(identity.get(f'/users/{own}/groups').json()['groups'])}"
