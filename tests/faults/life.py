"""A scripted life: things are made, used and removed step by step, and what was acknowledged is kept in a ledger.

Each step is one request (or a few that belong together) and knows how a sensible client repeats it when no answer came:
it looks first whether the thing is there.
"""

import os

from walkthrough import host
from walkthrough.shell import Failed, expect, until

from .world import SETTLE

NETWORKING, COMPUTE, IMAGE = "/networking/v2.0", "/compute/v2.1", "/image/v2"


class Life:
    """Steps in order. `perform` runs one; after a crash it is called again, with `again`."""

    def __init__(self, world, tag):
        self.world, self.api, self.tag = world, world.api, tag
        self.ids = {}
        self.exists, self.gone = {}, {}
        self.statuses = {}

    # -- what was acknowledged ---------------------------------------------------------------------------------------

    def check_ledger(self):
        """Every acknowledged creation is there, every acknowledged deletion done."""
        for path, what in self.exists.items():
            status, _, answer = self.api.send("GET", path)
            expect(status == 200, f"{what} was acknowledged and is lost: GET {path}: {status} {answer}")
        for path, what in self.gone.items():
            if "/servers/" in path:
                # Acknowledged is that it will go: its host has work to do first.
                self.world.until_gone(path.rsplit("/", 1)[1])
            status, _, answer = self.api.send("GET", path)
            expect(status == 404, f"the removal of {what} was acknowledged, and it is back: GET {path}: {status} {answer}")

    def check_statuses(self):
        """Servers are as asked for."""
        for identity, status in self.statuses.items():
            self.world.until_status(identity, status)

    # -- kinds of request --------------------------------------------------------------------------------------------

    def create(self, name, base, kind, body, again, found_by="name"):
        """POST; after a crash, only if the list does not show it."""
        mark = f"{self.tag}-{name}"
        known = []
        if again:
            known = self.api.ask("GET", f"{base}?{found_by}={mark}")[f"{kind}s"]
            expect(len(known) <= 1, f"two of {mark}: {known}")
        identity = known[0]["id"] if known else self.api.ask("POST", base, {kind: {found_by: mark, **body}})[kind]["id"]
        self.ids[name] = identity
        self.exists[f"{base}/{identity}"] = mark
        return identity

    def delete(self, name, base, again):
        """DELETE; after a crash, it may have happened already."""
        identity = self.ids[name]
        path = f"{base}/{identity}"
        if path in self.gone:
            return  # answered, and then it died
        # As long as no answer came, it may be there or not.
        self.exists.pop(path, None)
        status, _, answer = self.api.send("DELETE", path)
        expect(200 <= status < 300 or again and status == 404, f"DELETE {path}: {status} {answer}")
        self.leaves(name, path)

    def leaves(self, name, path):
        """It was acknowledged, or is seen, to be on its way out."""
        self.exists.pop(path, None)
        self.gone[path] = f"{self.tag}-{name}"
        self.statuses.pop(self.ids[name], None)

    def settled(self):
        """The host has made what is wanted, nothing failed, and no server is changing."""
        def calm():
            status = self.api.ask("GET", "/maru/v1/status")["status"]
            host_ = status["host"]
            expect(host_["applied_revision"] == host_["wanted_revision"], f"revisions {host_}")
            expect(not status["not_ready"], f"not ready: {status['not_ready']}")
            return True
        # What was committed a moment ago may not have come to the planner yet.
        for _ in range(2):
            until(SETTLE, "the host to be settled", calm)


class NetworkLife(Life):
    """Network, subnet, router, its leg, port, group, rule, floating IP to the running server; all of it removed again."""

    def steps(self):
        n = NETWORKING
        return [
            ("create network", lambda again: self.create("net", f"{n}/networks", "network", {}, again)),
            ("create subnet", lambda again: self.create("subnet", f"{n}/subnets", "subnet", {
                "network_id": self.ids["net"], "ip_version": 4, "cidr": "10.78.0.0/24"}, again)),
            ("create router", lambda again: self.create("router", f"{n}/routers", "router", {
                "external_gateway_info": {"network_id": self.world.public}}, again)),
            ("add interface", self._add_interface),
            ("create port", lambda again: self.create("port", f"{n}/ports", "port", {"network_id": self.ids["net"]}, again)),
            ("create group", lambda again: self.create("group", f"{n}/security-groups", "security_group", {}, again)),
            ("create rule", lambda again: self.create("rule", f"{n}/security-group-rules", "security_group_rule", {
                "security_group_id": self.world.default_group, "direction": "ingress", "protocol": "icmp",
                "remote_ip_prefix": "172.24.4.0/24"}, again, "description")),
            ("regroup port", self._regroup),
            ("create floating IP", self._float),
            ("delete floating IP", lambda again: self.delete("fip", f"{n}/floatingips", again)),
            ("delete rule", lambda again: self.delete("rule", f"{n}/security-group-rules", again)),
            ("delete port", lambda again: self.delete("port", f"{n}/ports", again)),
            ("delete group", lambda again: self.delete("group", f"{n}/security-groups", again)),
            ("remove interface", self._remove_interface),
            ("delete router", lambda again: self.delete("router", f"{n}/routers", again)),
            ("delete subnet", lambda again: self.delete("subnet", f"{n}/subnets", again)),
            ("delete network", lambda again: self.delete("net", f"{n}/networks", again)),
        ]

    def _legs(self):
        return self.api.ports(device_id=self.ids["router"], network_id=self.ids["net"])

    def _add_interface(self, again):
        if not (again and self._legs()):
            self.api.ask("PUT", f"{NETWORKING}/routers/{self.ids['router']}/add_router_interface",
                         {"subnet_id": self.ids["subnet"]})
        leg = self._legs()[0]["id"]
        self.ids["leg"] = leg
        self.exists[f"{NETWORKING}/ports/{leg}"] = "the router's leg"

    def _remove_interface(self, again):
        path = f"{NETWORKING}/ports/{self.ids['leg']}"
        self.exists.pop(path, None)
        if not again or self._legs():
            self.api.ask("PUT", f"{NETWORKING}/routers/{self.ids['router']}/remove_router_interface",
                         {"subnet_id": self.ids["subnet"]})
        self.gone[path] = "the router's leg"

    def _regroup(self, again):
        path = f"{NETWORKING}/ports/{self.ids['port']}"
        self.api.ask("PUT", path, {"port": {"security_groups": [self.ids["group"]]}})
        expect(self.api.ask("GET", path)["port"]["security_groups"] == [self.ids["group"]], "the port's groups are not as set")

    def _float(self, again):
        identity = self.create("fip", f"{NETWORKING}/floatingips", "floatingip", {
            "floating_network_id": self.world.public, "port_id": self.world.first_port}, again, "description")

        def answers():
            # Asked anew each time: who waits for a dead Maru's work must learn of its death.
            address = self.api.ask("GET", f"{NETWORKING}/floatingips/{identity}")["floatingip"]["floating_ip_address"]
            return host.ping(self.world.cloud.namespace, address)
        until(SETTLE, "the floating IP to answer", answers)


class ServerLife(Life):
    """An image, a server from it, a further NIC, reboot, suspend, resume; all of it removed again."""

    def steps(self):
        ports, servers = f"{NETWORKING}/ports", f"{COMPUTE}/servers"
        return [
            ("create image", lambda again: self.create("image", f"{IMAGE}/images", None, {}, again)),
            ("upload image", self._upload),
            ("create server", self._create_server),
            ("create its port", lambda again: self.create("port", ports, "port", {"network_id": self.world.network}, again)),
            ("attach port", self._attach),
            ("reboot", lambda again: self._action({"reboot": {"type": "HARD"}}, "ACTIVE", again)),
            ("suspend", lambda again: self._action({"suspend": None}, "SUSPENDED", again)),
            ("resume", lambda again: self._action({"resume": None}, "ACTIVE", again)),
            ("delete server", self._delete_server),
            ("delete its port", lambda again: self.delete("port", ports, again)),
            ("delete image", lambda again: self.delete("image", f"{IMAGE}/images", again)),
        ]

    def create(self, name, base, kind, body, again, found_by="name"):
        if kind:
            return super().create(name, base, kind, body, again, found_by)
        # Images are not wrapped in their kind.
        mark = f"{self.tag}-{name}"
        known = self.api.ask("GET", f"{base}?name={mark}")["images"] if again else []
        expect(len(known) <= 1, f"two of {mark}: {known}")
        made = known[0] if known else self.api.ask("POST", base, {
            "name": mark, "disk_format": "raw", "container_format": "bare"})
        self.ids[name] = made["id"]
        self.exists[f"{base}/{made['id']}"] = mark
        return made["id"]

    def _upload(self, again):
        path = f"{IMAGE}/images/{self.ids['image']}"
        if self.api.ask("GET", path)["status"] != "active":
            # Of this life only, so that no base image of another serves.
            self.api.ask("PUT", f"{path}/file", raw=os.urandom(1 << 20))
        expect(self.api.ask("GET", path)["status"] == "active", "the image is not active after its upload")

    def _create_server(self, again):
        mark = f"{self.tag}-server"
        known = [server for server in self.api.servers() if server["name"] == mark] if again else []
        expect(len(known) <= 1, f"two of {mark}: {known}")
        identity = known[0]["id"] if known else self.api.create_server(
            mark, self.ids["image"], self.world.network, self.world.nano)
        self.ids["server"] = identity
        self.exists[f"{COMPUTE}/servers/{identity}"] = mark
        self.statuses[identity] = "ACTIVE"
        self.world.until_status(identity, "ACTIVE")

    def _action(self, action, status, again):
        identity = self.ids["server"]
        path = f"{COMPUTE}/servers/{identity}/action"
        if again:
            # It may have been taken, and its end is waited for; asked once more, it may be so already.
            until(SETTLE, f"{identity} to be at rest", lambda: self.api.server(identity)["OS-EXT-STS:task_state"] is None)
            if self.api.server(identity)["status"] == status and "reboot" not in action:
                self.statuses[identity] = status
                return
        code, _, answer = self.api.send("POST", path, action)
        expect(code == 202, f"POST {path} {action}: {code} {answer}")
        self.statuses[identity] = status
        self.world.until_status(identity, status)

    def _attached(self):
        return self.api.ask("GET", f"{NETWORKING}/ports/{self.ids['port']}")["port"]["device_id"] == self.ids["server"]

    def _attach(self, again):
        path = f"{COMPUTE}/servers/{self.ids['server']}/os-interface"
        if not (again and self._attached()):
            self.api.ask("POST", path, {"interfaceAttachment": {"port_id": self.ids["port"]}})
        until(SETTLE, "the NIC to be plugged in",
              lambda: self.api.ask("GET", f"{NETWORKING}/ports/{self.ids['port']}")["port"]["status"] == "ACTIVE")

    def _delete_server(self, again):
        self.delete("server", f"{COMPUTE}/servers", again)
        self.world.until_gone(self.ids["server"])

    def check_statuses(self):
        super().check_statuses()
        for identity, status in self.statuses.items():
            runs = identity in self.world.qemus()
            if runs != (status == "ACTIVE"):
                raise Failed(f"server {identity} is {status} and has {'a' if runs else 'no'} process")
