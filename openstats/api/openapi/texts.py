"""Texts of the OpenAPI document, in Markdown: the introduction, and one for each tag."""

INTRODUCTION = """\
openstats reads what each OpenStack cloud has, allows and uses, and stores it. This API answers from
that store, by customer, project or project group. A request never contacts a cloud, so answers take
milliseconds even while a cloud is down.

**Statistics** are below `/api/stats/`. The same answers are available below `/stats/`.
**The registry** is below `/api/`: customers, projects and what belongs to them. Every URL works
with and without a trailing slash.

**Authentication.** With `auth_strategy = keystone`, requests need a valid Keystone token in
`X-Auth-Token`. Callers see what is theirs: everything else is missing from lists and sums, and
answered with 404. The URLs under *Service* need no token.

**Answers**

* Times are Unix seconds. Parameters may also be ISO 8601, in the time zone `tz` (default: UTC) if
  they have no offset. Digits alone are always Unix seconds. In a URL, write `+` as `%2B`.
* Memory and storage are in MiB, unless the key ends in `gb`.
* `-1` means unlimited: a sum with an unlimited member is `-1`. `null` means unknown.
* `X-Openstats-Coverage` reports how many tenants and clouds the figures cover,
  `X-Openstats-Age` the age of the oldest figure in seconds.
* `ETag` identifies the body. Send it in `If-None-Match` to get 304 if nothing has changed.
* Lists have pages: `limit`, `marker`, and a `next` link in the `Link` header while there are more
  entries. Lists of the registry have the link under `links` as well.
* `Accept-Encoding: gzip` compresses long answers. Their ETags end in `-gzip` and work as well.

**Errors.** An error document has one entry for each problem. Codes are stable; titles and details
may change:

```json
{"errors": [{"status": 400, "code": "openstats.parameter.invalid",
             "title": "Invalid parameter",
             "detail": "strict=yes: must be true or false",
             "request_id": "req-a2a2cbba-ee2c-434c-8ca2-e3f7b4c5b04c"}]}
```

**Writing** requires an admin; services may write alerts, too. PUT creates an entry under a UUID
that the caller chooses, or replaces it. PATCH changes the fields that it contains. Send the `ETag`
of the entry in `If-Match` to get 412 if somebody else has changed it in the meantime. Every change
is recorded in the audit.
"""

STATISTICS = {
    "resource": "Capacity of a cloud's hypervisors, what is allocated of it, and the sums of the "
    "quotas of its tenants. Only for callers who see everything.",
    "quota": "Limits and use of vCPUs, memory, storage and instances: one sum, or with `each=true` "
    "a list by customer, project or project group.",
    "customer": "Number of projects, project groups and instances that each customer has.",
    "creation-time": "Number of customers, projects or project groups created in each of "
    "`datapoints` equal intervals.",
    "usage": "CPU in %, memory and storage in MiB as means over each interval, and vCPU-hours, for "
    "any period: in equal intervals, or in hours, days or months of the calendar. When a project "
    "moves to another customer, its past usage stays with the former one.",
    "alert": "Number of alerts that were active in an interval, by severity: created before its "
    "end, and not closed before its start. An alert counts for its object and for everything that "
    "the object belonged to when the alert was created.",
}
RESOURCES = {
    "customers": "Customers own projects and project groups. Discovery creates them from Keystone; "
    "they can also be created by hand. Discovery does not overwrite what was written by hand.",
    "project-groups": "A project group contains projects of one customer. A project may be in "
    "several groups.",
    "projects": "A project belongs to a customer and has tenants linked to it.",
    "tenants": "A tenant is a Keystone project in a cloud, found by discovery. It can be linked to "
    "another project; its usage counts for that project from then on.",
    "clouds": "Registered clouds: when they last answered, what went wrong, their capacity and how "
    "much of it can be allocated. To register a cloud, name its entry in `clouds.yaml`.",
    "instances": "Servers that exist, in any state.",
    "alerts": "An alert stays open until its receiver, the rule that raised it or a caller closes "
    "it. POST opens an alert, or updates the open one with the same scope and type. Callers who do "
    "not see everything read a message only if it is meant for everybody.",
    "grants": "A grant is a role of a Keystone user, a Keystone group or a portal's subject on a "
    "customer, project group, project or cloud. Only admins and readers see grants.",
    "audit": "Who changed what in the registry, with the entry before and after, newest first. "
    "Only admins and readers see it.",
}
RECEIVERS = (
    "Receivers take notifications from Alertmanager and Aodh, each with a token of its own. An "
    "alert counts once, however often and in whatever order it is reported. 204 means that the "
    "notification is stored. Admins and readers can list receivers with their counters."
)
SERVICE = "Information about the service itself. No token is needed."
