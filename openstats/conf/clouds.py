"""Which clouds are asked, and how their projects become customers.

Credentials stay in clouds.yaml. A key ``openstats`` inside an entry of it overrides these options
for that cloud; ``openstats.clouds.clouds_yaml.entries`` knows the keys.
"""

from typing import Any

from oslo_config import cfg

from openstats.conf import values

GROUP = "clouds"
OPTIONS = [
    cfg.StrOpt(
        "file",
        default="",
        help="The clouds.yaml. Empty: the one that openstacksdk finds, by OS_CLIENT_CONFIG_FILE, "
        "in the working directory, in ~/.config/openstack or in /etc/openstack. Where a file is "
        "named, no cloud is made of OS_AUTH_URL and the like.",
    ),
    cfg.ListOpt(
        "names",
        default=[],
        help="Entries of clouds.yaml to ask. Empty: the one that OS_CLOUD names, or else all of "
        "them. An entry with several regions is one cloud for each.",
    ),
    cfg.StrOpt(
        "capacity_source",
        default="auto",
        choices=[
            ("auto", "Nova's hypervisor statistics, Placement where Nova refuses them"),
            ("nova", "Nova's hypervisor statistics (microversion 2.87 at most)"),
            ("placement", "inventories and usages of Placement's compute providers"),
        ],
        help="Where vCPUs, memory and disk of the hypervisors are read.",
    ),
    cfg.StrOpt(
        "meter_source",
        default="nova",
        help="What measures usage: 'nova' (CPU time from server diagnostics), or another entry "
        "point of openstats.meter_sources. What is allocated is known of every cloud.",
    ),
    cfg.DictOpt(
        "meter_options",
        default={},
        # Passwords and tokens may be among them.
        secret=True,
        help="What the source needs to know, as name:value pairs; docs/configuration.rst lists the "
        "names. They are best written into the entries of clouds.yaml.",
    ),
    cfg.StrOpt(
        "customer_from",
        default="domain",
        choices=[
            ("domain", "the Keystone domain of the project"),
            ("top-project", "the topmost project above it in its domain"),
            ("tag", "its tag openstats:customer=NAME"),
            ("regex", "the group 'customer' of [clouds] customer_regex, found in its name"),
            ("file", "the file [clouds] customer_file"),
        ],
        help="What makes a Keystone project belong to a customer. Projects for which it yields "
        "nothing stay unlinked and count nowhere.",
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
        help="For customer_from = file: YAML that lists, under each customer's name, its "
        "projects: ids, DOMAIN/NAME, or names that no other project has. It is the only way to "
        "join projects of different Keystones.",
    ),
    cfg.BoolOpt(
        "group_tags",
        default=False,
        help="Make project groups from tags openstats:group=NAME. Off by default: whoever manages "
        "a domain can set tags.",
    ),
    cfg.ListOpt(
        "exclude_projects",
        default=["default/service", "default/admin"],
        help="Keystone projects that belong to no customer: ids, DOMAIN/NAME, or names. A name "
        "means the project in one of default_domains, elsewhere only where no other has it.",
    ),
    cfg.ListOpt(
        "exclude_domains",
        default=["heat", "heat_user_domain", "magnum"],
        help="Keystone domains (names or ids) none of whose projects belongs to a customer. By "
        "default those in which Heat and Magnum keep projects of their own.",
    ),
    cfg.ListOpt(
        "default_domains",
        default=["default"],
        help="Keystone domains (names or ids) that a name without a domain means: a project's in "
        "exclude_projects and customer_file, a customer's that a tag or customer_regex finds. "
        "Elsewhere tags and customer_regex make customers of that domain alone, DOMAIN/NAME.",
    ),
    cfg.BoolOpt(
        "block_storage",
        default=True,
        help="Whether the clouds have Cinder. One that should have it and does not offer it in "
        "its catalog is in error; say false for a cloud that really has none.",
    ),
    cfg.BoolOpt(
        "disk_shared",
        default=False,
        help="Whether all hypervisors of a cloud keep disks in one and the same storage, such as "
        "Ceph: Nova counts it once for each of them, and only who knows that can say so.",
    ),
]


def read(name: str, given: Any) -> Any:
    """Read a setting of one cloud as the option of the same name would be.

    Raises:
        ValueError: it cannot be.
    """
    option = next(option for option in OPTIONS if option.name == name)
    try:
        return option.type(given)
    except (ValueError, TypeError, AttributeError) as error:
        raise ValueError(f"{name} = {given}: must be {values.allowed(option.type)}") from error
