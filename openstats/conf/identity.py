"""Who callers are, with ``auth_strategy = keystone``: what tokens of which project mean."""

from oslo_config import cfg

GROUP = "identity"
OPTIONS = [
    cfg.ListOpt(
        "admin_project_ids",
        default=[],
        help="Keystone projects in which the role admin, or reader, is one of everything. Empty: "
        "the project 'admin' of the domain 'default'. System-scoped tokens always are.",
    ),
    cfg.ListOpt(
        "clouds",
        default=[],
        help="Registered clouds whose projects and domains the tokens' Keystone issues. Empty: "
        "those that are found under [keystone_authtoken] auth_url or www_authenticate_uri.",
    ),
    cfg.BoolOpt(
        "delegated_grants",
        default=False,
        help="Have grants apply to tokens of application credentials, trusts and OAuth1 as well. "
        "Otherwise such a token sees its own project only.",
    ),
]
