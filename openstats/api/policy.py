"""Who may do what: personas, and the decision by rules that a policy file may override."""

import time
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from threading import Lock
from typing import Any

from cachetools import TTLCache
from oslo_policy.policy import Enforcer, RuleDefault

ADMIN = "openstats:admin"
READER = "openstats:reader"
SERVICE = "openstats:service"
EVERYTHING = "openstats:everything"
ON_BEHALF_OF = "openstats:on_behalf_of"
RECEIVE = "openstats:receivers:receive"
"""The permission of who has a receiver's token: no rule decides about it."""

SECONDS = 5
MOST = 10_000

PERSONAS = (
    RuleDefault(
        ADMIN,
        "role:admin and (admin_project:True or system_scope:all)",
        description="Who may do everything. admin_project is True for the projects of [identity] "
        "admin_project_ids.",
    ),
    RuleDefault(
        READER,
        "role:reader and (admin_project:True or system_scope:all)",
        description="Who may read everything.",
    ),
    RuleDefault(
        SERVICE,
        "role:service",
        description="Other services: they read everything, and write alerts.",
    ),
    RuleDefault(
        EVERYTHING,
        f"rule:{ADMIN} or rule:{READER} or rule:{SERVICE}",
        description="From whom nothing is hidden. Others see what is granted to them.",
    ),
    RuleDefault(
        ON_BEHALF_OF,
        f"rule:{ADMIN} or rule:{SERVICE}",
        description="Who may ask with on_behalf_of, and see what that subject sees.",
    ),
)


@dataclass(frozen=True, slots=True)
class Credentials:
    """What rules look at of a caller: the names here are those that checks may use."""

    roles: tuple[str, ...] = ()
    system_scope: str | None = None
    admin_project: bool = False
    user_id: str | None = None
    project_id: str | None = None
    domain_id: str | None = None


class Policy:
    """The rules in force; safe to share between threads.

    A decision stands for some seconds: to come to it costs as much as a small answer. Until then a
    changed policy file is not looked at.
    """

    def __init__(
        self, conf: Any, rules: Iterable[RuleDefault], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._enforcer = Enforcer(conf)
        self._enforcer.register_defaults([*PERSONAS, *rules])
        self._enforcer.load_rules()
        self._decided: TTLCache[tuple[str, Credentials], bool] = TTLCache(MOST, SECONDS, clock)
        self._lock = Lock()

    def allows(self, rule: str, credentials: Credentials) -> bool:
        """Tell whether a rule lets a caller pass. A rule that there is not lets nobody."""
        with self._lock:
            asked = rule, credentials
            if (decision := self._decided.get(asked)) is None:
                decision = bool(self._enforcer.enforce(rule, {}, asdict(credentials)))
                self._decided[asked] = decision
            return decision
