"""Aodh's notifier from PyPI, without the rest of Aodh: it is handed what the evaluator tells of.

Observed (23.0):

* The answer is logged and no more: after a 503 nothing is sent again. Where the alarm has
  ``repeat_actions``, its next evaluation makes a notification of its own, with another
  x-openstack-request-id. Only a refused connection is tried again, ``rest_notifier_max_retries``
  times, at once.
* The user and the password of an action's URL are sent as Basic. Of ``trust+http`` the user is the
  id of a trust, and a token of that trust is sent as X-Auth-Token.
* What the query holds for Aodh itself, ``aodh-alarm-ssl-verify``, is sent along.
* Nothing says when, of which tenant, or of what.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.devcloud import install
from tests.devcloud.plan import DevcloudError, cache
from tests.peers.inside import SCRIPTS

PACKAGES = ("aodh==23.0.0",)
DONE = "-- done --"


class Aodh:
    """Aodh's notifier while the context lasts; the directory has to exist.

    ``credentials`` are those of Aodh's own user, as keystoneauth's options name them.
    """

    def __init__(self, directory: Path, credentials: Mapping[str, str]) -> None:
        self.directory, self.credentials = directory, credentials

    def __enter__(self) -> Self:
        place = cache() / "peers" / "aodh"
        install.install_environment(place, "Aodh", PACKAGES)
        conf = self.directory / "aodh.conf"
        lines = [f"{name} = {value}\n" for name, value in self.credentials.items()]
        text = "".join(["[DEFAULT]\nuse_stderr = true\n[service_credentials]\n", *lines])
        conf.write_text(text)
        self.process = subprocess.Popen(
            [place / "venv" / "bin" / "python", SCRIPTS / "aodh_notify.py", conf],
            env={"HOME": str(self.directory), "LANG": "C.UTF-8", "PYTHONWARNINGS": "ignore"},
            cwd=self.directory,
            text=True,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.communicate()

    def notify(self, action: str, current: str, **more: Any) -> int | None:
        """Tell an action's URL of an alarm's state; give the status of the answer, if it got any.

        Other fields than the state are as usual unless they are given.
        """
        usual = {
            "alarm_id": "0b6d1b9f-6c6e-4f6b-9a06-8b2f0a3a1c55",
            "alarm_name": "cpu_high",
            "severity": "critical",
            "previous": "ok",
            "reason": "Transition to alarm due to 1 samples outside threshold",
            "reason_data": {"type": "threshold", "most_recent": 97.0},
        }
        told = usual | {"actions": [action], "current": current} | more
        assert self.process.stdin is not None
        self.process.stdin.write(f"{json.dumps(told)}\n")
        self.process.stdin.flush()
        found = re.findall(r"gets response: (\d+)", self._said())
        return int(found[-1]) if found else None

    def _said(self) -> str:
        """Give what it logged until it was done."""
        said = []
        assert self.process.stderr is not None
        for line in self.process.stderr:
            if line.strip() == DONE:
                return "".join(said)
            said.append(line)
        raise DevcloudError(f"Aodh's notifier ended: {''.join(said)[-2000:]}")
