"""A cloud whose secrets are known to the letter, an installation on it, and all that it said."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from tests.api.door import token
from tests.double import Double, Settings, Size, populate
from tests.edge import Edge
from tests.functional import leaks
from tests.functional.system import System

SIZE = Size(projects=3, servers=6, volumes=3, hypervisors=1)
LOUD = "keystoneauth keystonemiddleware keystoneclient novaclient cinderclient openstack oslo"
LOUD += " requests urllib3 stevedore waitress openstats cliff sqlalchemy"


class Guarded(System):
    """An installation with auth_strategy = keystone whose libraries log all that they can."""

    def __init__(self, home: Path, cloud: Double, edge: Edge) -> None:
        super().__init__(home, {"alpha": cloud.clouds_entry()}, edge)
        self.cloud = cloud
        levels = ",".join(f"{name}=DEBUG" for name in LOUD.split())
        self.sections = {
            "DEFAULT": {"debug": "true", "default_log_levels": levels},
            "api": {"auth_strategy": "keystone"},
            "keystone_authtoken": {"auth_type": "password"} | cloud.clouds_entry()["auth"],
        }

    def say(self, *words: str, status: int = 0) -> str:
        """Run a command, keep what it printed, and give it."""
        done = subprocess.run(
            self.command(*words), env=self.environ(), text=True, capture_output=True, timeout=300
        )
        said = done.stdout + done.stderr
        self.keep(said)
        assert done.returncode == status, said
        return said

    def hand(self, *roles: str, project: str) -> str:
        """Have Keystone know a token, and give it."""
        key = f"gAAAAA{uuid4().hex}"
        self.cloud.site.handed[key] = token(*roles, project=project)
        return key

    def secrets(self) -> set[str]:
        """Give all that may be nowhere."""
        site = self.cloud.site
        return {self.cloud.settings.password, *site.tokens, *site.handed}

    def leaks(self) -> list[str]:
        """Say where a secret is in what was written and said."""
        return leaks.found(leaks.written(self.home), self.secrets())


@contextmanager
def guarded(home: Path) -> Iterator[Guarded]:
    """Bring up a cloud with secrets of its own, and an installation on it."""
    settings = Settings(password=f"secret-{uuid4().hex}")
    with Edge() as edge, Double(settings=settings) as cloud:
        populate(cloud, SIZE)
        with Guarded(home, cloud, edge) as system:
            yield system
