"""Options of clouds: which to read, and how their projects are assigned to customers.

Credentials stay in clouds.yaml. The key ``openstats`` in an entry of clouds.yaml overrides these
options for that cloud; ``openstats.clouds.clouds_yaml.settings`` defines which.
"""

from typing import Any

from oslo_config import cfg

from openstats.conf import values

GROUP = "clouds"
OPTIONS = [
    cfg.StrOpt(
        "file",
        default="",
        help="Path of clouds.yaml. Empty: the file that openstacksdk finds: OS_CLIENT_CONFIG_FILE, "
        "the working directory, ~/.config/openstack, /etc/openstack. If a path is set, "
        "OS_AUTH_URL and similar variables do not define a cloud.",
    ),
    cfg.ListOpt(
        "names",
        default=[],
        help="Entries of clouds.yaml to read. Empty: the entry that OS_CLOUD names, otherwise all "
        "entries. An entry with several regions is one cloud per region.",
    ),
    cfg.StrOpt(
        "capacity_source",
        default="auto",
        choices=[
            ("auto", "Nova's hypervisor statistics, or Placement if Nova refuses them"),
            ("nova", "Nova's hypervisor statistics (up to microversion 2.87)"),
            ("placement", "inventories and usages of Placement's compute providers"),
        ],
        help="Source of the hypervisors' vCPUs, memory and disk.",
    ),
    cfg.StrOpt(
        "meter_source",
        default="nova",
        help="Source of measured usage: 'nova' (CPU time from server diagnostics), 'gnocchi', "
        "'prometheus', or another entry point of openstats.meter_sources. Allocated usage needs "
        "no source.",
    ),
    cfg.DictOpt(
        "meter_options",
        default={},
        # They may contain passwords and tokens.
        secret=True,
        help="Options of the meter source, as name:value pairs; see docs/configuration.rst. Better "
        "set in the entries of clouds.yaml.",
    ),
    cfg.StrOpt(
        "customer_from",
        default="domain",
        choices=[
            ("domain", "the Keystone domain of the project"),
            ("top-project", "the topmost project above it in its domain"),
            ("tag", "NAME in its tag openstats:customer=NAME"),
            ("regex", "the group 'customer' of [clouds] customer_regex, found in its name"),
            ("file", "the file [clouds] customer_file"),
        ],
        help="How the customer of a Keystone project is found. A project for which none is found "
        "stays unlinked and counts for no customer.",
    ),
    cfg.StrOpt(
        "customer_regex",
        default="",
        help="For customer_from = regex: a Python regular expression with a group named "
        "'customer', for example ^(?P<customer>[a-z]+)-.",
    ),
    cfg.StrOpt(
        "customer_file",
        default="",
        help="For customer_from = file: path of a YAML file that lists the projects of each "
        "customer: IDs, DOMAIN/NAME, or unique names. Only this method joins projects of "
        "different Keystones under one customer.",
    ),
    cfg.BoolOpt(
        "group_tags",
        default=False,
        help="Create project groups from tags openstats:group=NAME. Off by default, because "
        "whoever manages a domain can set tags.",
    ),
    cfg.ListOpt(
        "exclude_projects",
        default=["default/service", "default/admin"],
        help="Keystone projects that belong to no customer: IDs, DOMAIN/NAME, or names. A name "
        "means the project in one of default_domains, otherwise the only project with that name.",
    ),
    cfg.ListOpt(
        "exclude_domains",
        default=["heat", "heat_user_domain", "magnum"],
        help="Keystone domains (names or IDs) whose projects belong to no customer. The default "
        "lists the domains in which Heat and Magnum keep their own projects.",
    ),
    cfg.ListOpt(
        "default_domains",
        default=["default"],
        help="Keystone domains (names or IDs) in which a name without a domain is looked up: a "
        "project of exclude_projects or customer_file, a customer from a tag or customer_regex. "
        "In other domains, tags and customer_regex create customers named DOMAIN/NAME.",
    ),
    cfg.BoolOpt(
        "block_storage",
        default=True,
        help="The clouds have Cinder. If it is missing from the catalog, that is an error: set "
        "false for a cloud without Cinder.",
    ),
    cfg.BoolOpt(
        "disk_shared",
        default=False,
        help="All hypervisors of a cloud keep disks on the same shared storage, such as Ceph. "
        "Nova counts that storage once per hypervisor and does not report that it is shared.",
    ),
]


def read(name: str, text: object) -> Any:
    """Return the value of a setting of one cloud, parsed as the option with the same name.

    Raises:
        ValueError: the text is not a valid value of that option.
    """
    option = next(option for option in OPTIONS if option.name == name)
    try:
        return option.type(text)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{name} = {text}: must be {values.allowed(option.type)}") from error
