"""The least Neutron that Nova asks for: no networks, no ports.

Nova lists ports to fill in the security groups of GET /servers and to unbind those of a server
that is deleted. Both must be answered, even for servers without networks.
"""

import json

EMPTY = {
    "agents",
    "extensions",
    "floatingips",
    "network-ip-availabilities",
    "networks",
    "ports",
    "routers",
    "security-group-rules",
    "security-groups",
    "subnetpools",
    "subnets",
    "trunks",
}
QUOTAS = (
    "network",
    "subnet",
    "port",
    "router",
    "floatingip",
    "security_group",
    "security_group_rule",
)


def answer(method, path):
    """Status and document for a request."""
    parts = path.strip("/").split("/")
    if parts in ([""], ["v2.0"]):
        return "200 OK", {"versions": [{"id": "v2.0", "status": "CURRENT", "links": []}]}
    if method == "GET" and len(parts) == 2 and parts[0] == "v2.0" and parts[1] in EMPTY:
        return "200 OK", {parts[1].replace("-", "_"): []}
    if parts[:2] == ["v2.0", "quotas"] and len(parts) >= 3:
        return "200 OK", {"quota": dict.fromkeys(QUOTAS, -1)}
    error = {"type": "NotFound", "message": f"stub: {path}", "detail": ""}
    return "404 Not Found", {"NeutronError": error}


def application(environ, start_response):
    status, document = answer(environ["REQUEST_METHOD"], environ.get("PATH_INFO", "/"))
    data = json.dumps(document).encode()
    headers = [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
    start_response(status, headers)
    return [data]
