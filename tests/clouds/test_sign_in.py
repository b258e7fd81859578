"""Signing in: a refused credential is remembered."""

from typing import Any

import pytest
from keystoneauth1.exceptions import Unauthorized

from openstats.clouds.sign_in import SignIn
from openstats.errors import CloudError


def test_a_refused_credential_is_tried_again_after_growing_pauses() -> None:
    seconds = 0.0
    attempts: list[float] = []

    def refuse(_session: Any) -> Any:
        attempts.append(seconds)
        raise Unauthorized("no")

    sign_in = SignIn("alpha", refuse, lambda: seconds)
    for number in range(20):
        seconds = 10.0 * number
        with pytest.raises(CloudError, match="HTTP 401"):
            sign_in(None)
    assert attempts == [0, 30, 90]
