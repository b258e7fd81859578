"""The network edge between openstats and its clouds: a forward proxy that records and disturbs.

openstats reaches the clouds through HTTP_PROXY, so nothing of it is replaced: what is tested is
the real session, the real clients and real sockets. Here live the proxy (`Edge`), what it can do
to an exchange (`Refuse`, `Reset`, `Hang`, `Status`, `Truncate`, `Garbage`, `Rewrite`, `Record`,
`Delay`) and the listener that the double uses too. What a cloud answers does not live here.
"""

from tests.edge.actions import (
    Delay,
    Garbage,
    Hang,
    Record,
    Refuse,
    Reset,
    Rewrite,
    Status,
    Truncate,
)
from tests.edge.proxy import Edge, RecordedRequest, Rule

__all__ = [
    "Delay",
    "Edge",
    "Garbage",
    "Hang",
    "Record",
    "RecordedRequest",
    "Refuse",
    "Reset",
    "Rewrite",
    "Rule",
    "Status",
    "Truncate",
]
