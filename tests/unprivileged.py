"""A user whom permissions bind: root may read and write whatever there is."""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager

NOBODY = 65534


@contextmanager
def unprivileged() -> Iterator[str]:
    """Give the name of the user that tests are: that of nobody until the block ends, for root."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield pwd.getpwuid(os.geteuid()).pw_name
    finally:
        os.seteuid(user)
