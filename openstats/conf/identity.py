"""Options of callers with Keystone tokens: projects of admins, and clouds of their Keystone."""

from oslo_config import cfg

GROUP = "identity"
OPTIONS = [
    cfg.ListOpt(
        "admin_project_ids",
        default=[],
        help="IDs of Keystone projects in which the roles admin and reader apply to everything. "
        "Empty: the project 'admin' of the domain 'default'. The roles of system-scoped tokens "
        "always apply to everything.",
    ),
    cfg.ListOpt(
        "clouds",
        default=[],
        help="Registered clouds that use the Keystone which issues the callers' tokens. Empty: the "
        "clouds with [keystone_authtoken] auth_url or www_authenticate_uri as their auth_url.",
    ),
    cfg.BoolOpt(
        "delegated_grants",
        default=False,
        help="Apply grants to tokens of application credentials, trusts and OAuth1 too. Otherwise "
        "such a token sees only its own project.",
    ),
]
