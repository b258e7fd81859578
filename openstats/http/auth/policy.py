"""Policy: the personas, and decisions by rules that policy files may override."""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict
from pathlib import Path
from threading import Lock

from cachetools import TTLCache
from oslo_config import cfg
from oslo_log import log
from oslo_policy.policy import Enforcer, InvalidDefinitionError, RuleDefault

from openstats.errors import ConfigError
from openstats.http.request import Credentials

LOG = log.getLogger(__name__)

# It logs a traceback for each invalid rule; openstats names these in one sentence instead.
logging.getLogger("oslo_policy._parser").setLevel(logging.CRITICAL)

ADMIN = "openstats:admin"
READER = "openstats:reader"
SERVICE = "openstats:service"
SEES_EVERYTHING = "openstats:everything"
ON_BEHALF_OF = "openstats:on_behalf_of"
RECEIVE = "openstats:receivers:receive"
"""The permission to post to a receiver: the receiver's token decides, not a rule."""

MAPPING = 'must be YAML of the form \'"openstats:quota:get": "role:reader"\', one rule a line'
CHECKS = (
    "a rule consists of role:NAME, rule:NAME, user_id:ID, project_id:ID, @ (everybody) and ! "
    "(no caller), with and, or, not and parentheses between them"
)

DECISION_SECONDS = 5
"""How long a decision is cached."""

MAX_DECISIONS = 10_000
"""How many decisions are cached."""

PERSONAS = (
    RuleDefault(
        ADMIN,
        "role:admin and (admin_project:True or system_scope:all)",
        description="Callers who may do everything. admin_project is True in the projects of "
        "[identity] admin_project_ids.",
    ),
    RuleDefault(
        READER,
        "role:reader and (admin_project:True or system_scope:all)",
        description="Callers who may read everything.",
    ),
    RuleDefault(
        SERVICE,
        "role:service",
        description="Other services, which may read everything and write alerts.",
    ),
    RuleDefault(
        SEES_EVERYTHING,
        f"rule:{ADMIN} or rule:{READER} or rule:{SERVICE}",
        description="Callers who see everything. Others see what is granted to them.",
    ),
    RuleDefault(
        ON_BEHALF_OF,
        f"rule:{ADMIN} or rule:{SERVICE}",
        description="Callers who may use on_behalf_of to see what a subject sees.",
    ),
)


class Policy:
    """The rules in force; safe to share between threads.

    Decisions are cached for some seconds, since each costs as much as a small response. After that
    the policy files are checked for changes. If a changed file is invalid, that is logged, and the
    former rules stay in force.

    Raises:
        ConfigError: a policy file is invalid at the start.
    """

    def __init__(
        self,
        conf: cfg.ConfigOpts,
        rules: Iterable[RuleDefault],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._conf, self._defaults = conf, [*PERSONAS, *rules]
        self._enforcer = enforcer(conf, self._defaults)
        self._files = _file_states(conf)
        self._decisions: TTLCache[tuple[str, Credentials], bool] = TTLCache(
            MAX_DECISIONS, DECISION_SECONDS, clock
        )
        self._lock = Lock()

    def allows(self, rule: str, credentials: Credentials) -> bool:
        """Return whether a rule permits a caller. A missing rule denies all callers."""
        with self._lock:
            key = rule, credentials
            decision = self._decisions.get(key)
            if decision is None:
                self._refresh()
                decision = bool(self._enforcer.enforce(rule, {}, asdict(credentials)))
                self._decisions[key] = decision
            return decision

    def _refresh(self) -> None:
        files = _file_states(self._conf)
        if files == self._files:
            return
        self._files = files
        try:
            self._enforcer = enforcer(self._conf, self._defaults)
        except ConfigError as error:
            LOG.error("%s. The previous rules stay in force", error)
        else:
            LOG.info("policy files were read again: %s", ", ".join(path for path, *_ in files))
            self._decisions.clear()


def enforcer(conf: cfg.ConfigOpts, defaults: Sequence[RuleDefault]) -> Enforcer:
    """Return oslo.policy's enforcer of the default rules and the policy files' overrides.

    Raises:
        ConfigError: a file cannot be read or has an invalid rule; the message names both.
    """
    rules = Enforcer(conf)
    _check_file(conf)
    rules.suppress_deprecation_warnings = True
    rules.register_defaults(defaults)
    _load(rules, conf)
    if wrong_rules := _wrong_rules(rules):
        raise ConfigError(f"{_names(conf)}: {', '.join(wrong_rules)} is not a rule: {CHECKS}")
    # From here on, Policy checks whether the files have changed.
    rules.use_conf = False
    return rules


def _load(rules: Enforcer, conf: cfg.ConfigOpts) -> None:
    """Load the policy files; raise ConfigError if that fails."""
    try:
        rules.load_rules()
        rules.check_rules(raise_on_violation=True)
    except InvalidDefinitionError as error:
        names = ", ".join(name for name in rules.file_rules if name in str(error))
        raise ConfigError(
            f"{_names(conf)}: {names} refers to itself, or to a rule that does not exist"
        ) from error
    except (AttributeError, TypeError) as error:
        raise ConfigError(f"{_names(conf)}: {MAPPING}") from error
    except (OSError, ValueError, cfg.Error) as error:
        raise ConfigError(
            f"{_names(conf)} cannot be read: {' '.join(str(error).split())}"
        ) from error


def _wrong_rules(rules: Enforcer) -> list[str]:
    """Return the invalid rules, which oslo.policy treats as rules that deny all callers."""
    return [
        f"{name}: {rule.check_str!r}"
        for name, rule in rules.file_rules.items()
        if str(rule.check) == "!" and rule.check_str.strip() not in ("!", "")
    ]


def _check_file(conf: cfg.ConfigOpts) -> None:
    """Raise ConfigError if the configured file is missing; the default file may be missing."""
    name = conf.oslo_policy.policy_file
    info = conf.get_location("policy_file", "oslo_policy")
    if info and info.location.is_user_controlled and not conf.find_file(name):
        raise ConfigError(
            f"[oslo_policy] policy_file = {name}: the file does not exist: create it, or leave the "
            "option out to use the default rules"
        )


def unknown_rules(rules: Enforcer) -> list[str]:
    """Return the names in policy files that are neither openstats' rules nor used by any rule."""
    references = " ".join(str(check) for check in rules.rules.values())
    return sorted(
        name
        for name in rules.file_rules
        if name not in rules.registered_rules and f"rule:{name}" not in references
    )


def _paths(conf: cfg.ConfigOpts) -> list[str]:
    """Return the existing policy files, in the order in which oslo.policy reads them."""
    options = conf.oslo_policy
    paths = map(conf.find_file, (options.policy_file, *options.policy_dirs))
    existing = [Path(path) for path in paths if path]
    files = [path for path in existing if path.is_file()]
    for directory in existing:
        if directory.is_dir():
            files += sorted(directory.glob("[!.]*"))
    return list(map(str, files))


def _names(conf: cfg.ConfigOpts) -> str:
    return f"[oslo_policy] {', '.join(_paths(conf))}"


def _file_states(conf: cfg.ConfigOpts) -> list[tuple[str, int, int]]:
    """Return path, mtime and size of each policy file, to detect changes."""
    stats = [(path, Path(path).stat()) for path in _paths(conf)]
    return [(path, stat.st_mtime_ns, stat.st_size) for path, stat in stats]
