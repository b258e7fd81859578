"""What the OpenAPI document says in prose, in Markdown: of the API as a whole, and of its parts."""

INTRODUCTION = """\
openstats asks each OpenStack cloud what there is, what is allowed and what is in use, and keeps the
answers. Here they are, by customer, project or project group. No request makes openstats talk to a
cloud: answers take milliseconds, also while a cloud is down.

**Statistics** are read below `/api/stats/`, and with the same answers below `/stats/`. **The
registry** is below `/api/`: customers, projects and what belongs to them. Every URL is good with or
without the slash at its end.

**Who may ask.** Who has a valid Keystone token in `X-Auth-Token`, where the service asks for tokens
(`auth_strategy = keystone`). Callers see what is theirs; what they do not see is left out of lists
and sums, and is answered with 404. What is under *Service* needs no token.

**What answers say.**

* Times are Unix seconds. Parameters may be ISO 8601 as well, in the time zone `tz`, or UTC, where
  they name none; digits alone are never a date, and in a URL `+` is written `%2B`.
* Memory and storage are in MiB unless a key says `gb`.
* `-1` is no limit: a sum in which one member has no limit is `-1`. `null` is not known.
* `X-Openstats-Coverage` tells of how many tenants and clouds the figures are known,
  `X-Openstats-Age` how old the oldest one is, in seconds.
* `ETag` names the bytes: with it in `If-None-Match`, what has not changed is answered with 304.
* Lists have pages: `limit`, `marker`, and while there is more a link `next` in the header `Link`;
  in lists of the registry under `links`, too.
* `Accept-Encoding: gzip` makes long answers shorter. Their ETags end with `-gzip`, and are as good.

**What errors say.** There is one entry for each problem. Codes stay the same for ever; titles and
details may change:

```json
{"errors": [{"status": 400, "code": "openstats.parameter.invalid",
             "title": "A parameter is not acceptable",
             "detail": "strict=yes: it takes true or false",
             "request_id": "req-a2a2cbba-ee2c-434c-8ca2-e3f7b4c5b04c"}]}
```

**Writing** is for admins. PUT creates with a uuid of the caller's, or replaces; PATCH changes what
is given. With the `ETag` of before in `If-Match`, who comes too late gets 412 instead of undoing
what somebody else wrote. Every write that changes something leaves an entry in the audit.
"""

STATISTICS = {
    "resource": "What is allocated in a cloud, as its hypervisors tell, beside the sums of its "
    "tenants' quotas. For those who see everything.",
    "quota": "Limits and use of vCPUs, memory, storage and instances: one sum, or with `each=true` "
    "a list by customer, project or project group.",
    "customer": "How many projects, project groups and instances each customer has.",
    "creation-time": "How many customers, projects or project groups were created in each of "
    "`datapoints` equal intervals.",
    "usage": "CPU in %, memory and storage in MiB as means over each interval, and vCPU-hours: "
    "over any time, in equal intervals or by a calendar's hours, days or months. What was used "
    "before a project changed hands stays with its former owner.",
    "alert": "How many alerts were active in an interval, by severity: those created before its "
    "end and not closed before its beginning. An alert counts for whatever it was of, or below, "
    "when it was created.",
}
RESOURCES = {
    "customers": "Customers own projects and project groups. Discovery finds them in Keystone, and "
    "they can be made by hand; what is written by hand stays as it is.",
    "project-groups": "A project group holds projects of one customer. A project may be in several "
    "groups.",
    "projects": "A project belongs to a customer, and has tenants linked to it.",
    "tenants": "A tenant is a Keystone project in a cloud, found by discovery. To which project it "
    "is linked can be changed; from then on its use is the new project's.",
    "clouds": "The clouds that are registered: when they last answered, what went wrong, and what "
    "they have and can give away. One is registered by the name of its entry in `clouds.yaml`.",
    "instances": "The servers that exist, whatever their state.",
    "alerts": "An alert is open until it is closed: by its receiver, by the rule that raised it, "
    "or by hand. POST opens one, or brings the open one of the same scope and type up to date. "
    "Who does not see everything reads messages only where they are meant for all.",
    "grants": "A grant is a role of a Keystone user, a group or a portal's subject on a customer, "
    "project group, project or cloud. For admins.",
    "audit": "Who wrote what in the registry, with what was there before and after; newest first. "
    "For admins.",
}
RECEIVERS = (
    "Where Alertmanager and Aodh tell of alerts, each with a token of its own. However often and "
    "in whatever order they do, an alert counts once; 204 says that it is stored. For admins, a "
    "list of what came in."
)
SERVICE = "What the service says of itself; none of it needs a token."
