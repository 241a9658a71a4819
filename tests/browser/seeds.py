"""One or several of everything, so that every page has something to show; names that try to be more than names among them."""

from pathlib import Path

from faults.api import Api
from walkthrough.shell import until

# Names that would do harm if they were taken for anything but text.
HOSTILE = [
    "<script>window.harmed=1</script>",
    "\"><img src=x onerror=window.harmed=1>",
    "'-window.harmed-'{{7*7}}${7*7}",
    "javascript:window.harmed=1",
    "‮evil‬ ﷽ 🏠🏠 한글 이름",
    "x" * 200,
]


# Lists of everything that has a name.
LISTS = [
    *(f"/networking/v2.0/{path}" for path in ("networks", "subnets", "ports", "routers", "security-groups", "floatingips", "agents", "qos/policies")),
    *(f"/compute/v2.1/{path}" for path in ("servers/detail", "flavors/detail", "os-keypairs", "os-server-groups", "os-hypervisors/detail", "os-services")),
    *(f"/volume/v3/{path}" for path in ("volumes/detail", "snapshots/detail", "backups/detail", "types", "os-services")),
    *(f"/identity/v3/{path}" for path in ("domains", "projects", "users", "groups", "roles", "services")),
    "/image/v2/images",
]


def names(api):
    """What people and the cloud's defaults have called things: texts that no page translates."""
    found = set()

    def walk(value, key=""):
        if isinstance(value, dict):
            for each, inner in value.items():
                walk(inner, each)
        elif isinstance(value, list):
            for inner in value:
                walk(inner, key)
        elif isinstance(value, str) and (key.endswith("name") or key in ("description", "host", "binary", "zone")):
            found.add(value.strip())

    for path in LISTS:
        walk(api.ask("GET", path))
    return found - {""}


def sow(cloud, image=None):
    """Fills the administrator's project. Returns the API as that administrator."""
    api = Api(cloud)
    api.login()
    network = lambda path, **body: api.ask("POST", f"/networking/v2.0/{path}", body)
    compute = lambda path, **body: api.ask("POST", f"/compute/v2.1/{path}", body)
    volume = lambda path, **body: api.ask("POST", f"/volume/v3/{path}", body)

    raw = Path(image).read_bytes() if image else bytes(1 << 20)
    made = api.ask("POST", "/image/v2/images", {"name": "seed", "disk_format": "qcow2" if image else "raw", "container_format": "bare", "visibility": "public"})
    api.ask("PUT", f"/image/v2/images/{made['id']}/file", raw=raw)
    api.ask("POST", "/image/v2/images", {"name": HOSTILE[0]})
    public = api.ask("GET", "/networking/v2.0/networks?name=public")["networks"][0]["id"]
    networks = []
    for number, name in enumerate(["web", *HOSTILE[:3]]):
        net, subnet = api.network(f"10.{50 + number}.0.0/24")
        api.ask("PUT", f"/networking/v2.0/networks/{net}", {"network": {"name": name[:255]}})
        networks.append((net, subnet))
    router = network("routers", router={"name": HOSTILE[1], "external_gateway_info": {"network_id": public}})["router"]["id"]
    for _, subnet in networks[:2]:
        api.ask("PUT", f"/networking/v2.0/routers/{router}/add_router_interface", {"subnet_id": subnet})
    group = network("security-groups", security_group={"name": HOSTILE[2], "description": HOSTILE[0]})["security_group"]["id"]
    for rule in ({"protocol": "icmp"}, {"protocol": "tcp", "port_range_min": 22, "port_range_max": 22, "remote_ip_prefix": "10.0.0.0/8"}):
        network("security-group-rules", security_group_rule={"security_group_id": group, "direction": "ingress", **rule})
    compute("os-keypairs", keypair={"name": "key"})
    compute("os-server-groups", server_group={"name": HOSTILE[4], "policies": ["anti-affinity"]})
    flavor = api.flavor("m1.nano")
    servers = [api.create_server(name, made["id"], networks[number % 2][0], flavor) for number, name in enumerate(["web1", *HOSTILE])]
    until(60, "the servers", lambda: all(row["status"] == "ACTIVE" for row in api.servers()))
    port = api.ports(device_id=servers[0])[0]["id"]
    network("floatingips", floatingip={"floating_network_id": public, "port_id": port})
    network("floatingips", floatingip={"floating_network_id": public, "description": HOSTILE[0]})
    disks = [volume("volumes", volume={"name": name, "size": 1})["volume"]["id"] for name in ("data", HOSTILE[0])]
    is_there = lambda what, row: lambda: api.ask("GET", f"/volume/v3/{what}s/{row}")[what]["status"] == "available"
    for disk in disks:
        until(60, "a volume", is_there("volume", disk))
    snapshot = volume("snapshots", snapshot={"name": HOSTILE[1], "volume_id": disks[0]})["snapshot"]["id"]
    until(60, "a snapshot", is_there("snapshot", snapshot))
    backup = volume("backups", backup={"name": HOSTILE[2], "volume_id": disks[0]})["backup"]["id"]
    until(60, "a backup", is_there("backup", backup))
    compute(f"servers/{servers[0]}/os-volume_attachments", volumeAttachment={"volumeId": disks[1]})
    compute(f"servers/{servers[1]}/action", **{"os-stop": None})
    return api
