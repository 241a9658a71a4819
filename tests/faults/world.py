"""A cloud with one network, one router and one running server, and what must be true of its host."""

import json
import os
import signal
from pathlib import Path

from walkthrough import host
from walkthrough.cloud import Cloud
from walkthrough.shell import Failed, expect, must, until

from .api import Api

SETTLE = 60  # seconds; a loaded machine is slow, a broken program never gets there


class World:
    """The cloud under test, and what the tests look at."""

    def __init__(self, program, image):
        self.cloud = Cloud(program, "unused")
        self.image_file = Path(image)
        self.api = Api(self.cloud)
        self.foreign = set()

    def start(self):
        self.cloud.start()
        self.api.login()

    def crash(self):
        """`kill -9`, at whatever it is doing."""
        self.cloud.kill()

    def restart(self):
        self.crash()
        self.start()

    def build(self):
        """Network, subnet, router, server; the server runs in the end."""
        self.start()
        self.image = self.api.upload(self.image_file)
        self.flavor = self.api.flavor("m1.micro")
        self.network, self.subnet = self.api.network("10.77.0.0/24")
        self.router = self.api.router(self.subnet)
        self.first = self.api.create_server("first", self.image, self.network, self.flavor)
        self.until_status(self.first, "ACTIVE")
        self.qdhcp, self.qrouter = f"qdhcp-{self.network}", f"qrouter-{self.router}"
        self.owner = host.owner_of(self.cloud.namespace)
        self.nano = self.api.flavor("m1.nano")
        self.public = self.api.ask("GET", "/networking/v2.0/networks?name=public")["networks"][0]["id"]
        port = self.api.ports(device_id=self.first)[0]
        self.first_port, self.default_group = port["id"], port["security_groups"][0]

    # -- what is true -----------------------------------------------------------------------------------------------

    def until_status(self, identity, status, seconds=SETTLE):
        def reached():
            server = self.api.server(identity)
            expect(server, f"server {identity} does not exist")
            if server["status"] == "ERROR" != status:
                raise SystemExit(f"server {identity} failed: {server.get('fault')}")
            expect(server["status"] == status and server["OS-EXT-STS:task_state"] is None,
                   f"server {identity} is {server['status']}, task {server['OS-EXT-STS:task_state']}")
            return server
        return until(seconds, f"server {identity} to be {status}", reached)

    def until_gone(self, identity):
        until(SETTLE, f"server {identity} to be gone", lambda: self.api.server(identity) is None)

    def qemus(self):
        """{server id: pid} of this cloud's QEMU processes."""
        found = {}
        for path in Path("/proc").iterdir():
            if path.name.isdigit():
                try:
                    words = (path / "cmdline").read_bytes().decode(errors="replace").split("\0")
                    folder = os.readlink(path / "cwd")
                except OSError:
                    continue
                if "qemu-system" in words[0] and folder.startswith(str(self.cloud.state)):
                    found[words[words.index("-uuid") + 1]] = int(path.name)
        return found

    def taps(self):
        """The taps in the network's namespace, by the start of their ports' ids."""
        if self.qdhcp not in host.namespaces():
            return set()
        return {name[3:] for name in host.addresses(self.qdhcp) if name.startswith("tap")}

    def check_no_orphans(self):
        """Processes, taps, directories and ports are exactly those of the servers that there are."""
        def clean():
            servers = {server["id"]: server for server in self.api.servers()}
            running = {identity for identity, server in servers.items() if server["status"] == "ACTIVE"}
            expect(set(self.qemus()) == running, f"processes {self.qemus()}, running servers {sorted(running)}")
            folders = {path.name for path in (self.cloud.state / "servers").iterdir() if path.is_dir()}
            expect(folders == set(servers), f"directories {sorted(folders)}, servers {sorted(servers)}")
            owners = {port["device_id"] for port in self.api.ports(network_id=self.network)
                      if port["device_owner"].startswith("compute:")}
            expect(owners == set(servers), f"ports of {sorted(owners)}, servers {sorted(servers)}")
            # A router's leg ends in a device of the same kind of name.
            wanted = {port["id"][:11] for port in self.api.ports(network_id=self.network)}
            expect(self.taps() <= wanted, f"taps {self.taps()}, ports {wanted}")
            return True
        until(SETTLE, "nothing to be left over", clean)

    def own_namespaces(self):
        """Those that bear the cloud's mark. Whose another one is does not change, and is asked once."""
        found = set()
        for name in host.namespaces() - self.foreign:
            loopback = host.inside(name, "ip", "-d", "link", "show", "lo").out
            if f"alias maru:{self.owner}" in loopback:
                found.add(name)
            elif "alias maru:" in loopback:
                self.foreign.add(name)
        return found

    def check_host(self):
        """Namespaces, devices, processes, directories, control groups are exactly those of what there is."""
        def clean():
            inventory = self.api.ask("GET", "/maru/v1/inventory")["inventory"]
            wanted = {f"qdhcp-{name}" for name in inventory["networks"]} | {f"qrouter-{name}" for name in inventory["routers"]}
            ports = {port["id"][:11] for port in self.api.ports()}
            mine = self.own_namespaces()
            expect(mine <= wanted, f"namespaces left over: {sorted(mine - wanted)}")
            for name in mine:
                devices = {link for link in host.addresses(name) if link[:3] in ("tap", "qr-", "qg-")}
                lost = {link for link in devices if link[3:] not in ports}
                expect(not lost, f"devices of {name} left over: {sorted(lost)}")
            servers = {server["id"]: server for server in self.api.servers()}
            folders = {path.name for path in (self.cloud.state / "servers").iterdir() if path.is_dir()}
            expect(folders == set(servers), f"directories {sorted(folders)}, servers {sorted(servers)}")
            expect(set(self.qemus()) <= set(servers), f"processes {self.qemus()}, servers {sorted(servers)}")
            lost = self.control_groups() - set(servers)
            expect(not lost, f"control groups left over: {sorted(lost)}")
            leftovers = json.loads(must(self.cloud.program, "status", "--leftovers", "--json", "--state-dir", self.cloud.state))
            expect(not leftovers["leftovers"], f"maru status --leftovers: {leftovers['leftovers']}")
            return True
        until(SETTLE, "nothing to be left over", clean)
        expect(self.qemus().get(self.first) == self.first_pid, "the first server has another process")
        expect(self.arp_answers(), "the first server does not answer")

    def control_groups(self):
        """Names of the servers' control groups."""
        found = Path("/sys/fs/cgroup").glob(f"**/maru-{self.owner}/*")
        return {path.name for path in found if path.is_dir()}

    def traces(self):
        """All that the cloud has on its host, by kind: after a thing is removed it must be as before the thing was made."""
        name = self.cloud.namespace
        status = self.api.ask("GET", "/maru/v1/status")["status"]
        return {
            "row": {f"{kind} {count}" for kind, count in status["objects"].items()},
            "namespace": self.own_namespaces(),
            "link of the host": set(host.addresses(name)),
            "route of the host": set(host.inside(name, "ip", "route").out.splitlines()),
            "table of the host": set(host.inside(name, "nft", "list", "tables").out.splitlines()),
            "link of the network": set(host.addresses(self.qdhcp)),
            "link of the router": set(host.addresses(self.qrouter)),
            "rule of the router": set(host.inside(self.qrouter, "nft", "-s", "list", "ruleset").out.splitlines()),
            "control group": self.control_groups(),
            "process": {f"{identity} {pid}" for identity, pid in self.qemus().items()},
            # Base images are kept for the next server; what is half made has another name.
            "file": {str(path.relative_to(self.cloud.state)) for path in self.cloud.state.rglob("*")
                     if path.parent.name != "cache" and not path.name.startswith("maru.db-")},
        }

    def first_address(self):
        return self.api.ports(device_id=self.first)[0]["fixed_ips"][0]["ip_address"]

    def arp_answers(self):
        """Whether the first server answers on its network: ARP passes the filter without any rule."""
        address = self.first_address_kept
        host.inside(self.qrouter, "ip", "neigh", "flush", "to", address)
        host.ping(self.qrouter, address)
        return "lladdr" in host.inside(self.qrouter, "ip", "neigh", "show", address).out

    def keep_address(self):
        self.first_address_kept = self.first_address()
        until(120, "the guest to have its address", self.arp_answers)

    def picture(self):
        """What the host has, for the reader of a failure."""
        asked = [(name, command) for name in (self.cloud.namespace, self.qrouter, self.qdhcp) for command in (
            "ip -br addr", "ip route", "ip neigh", "nft list ruleset")]
        return "\n".join(f"--- {name}: {command}\n{host.inside(name, *command.split()).out}" for name, command in asked)

    # -- breaking ---------------------------------------------------------------------------------------------------

    def pull_the_plug(self):
        """What a reboot leaves: the state directory, and no process and no kernel object."""
        namespaces = host.neighbours(self.cloud.namespace) | {self.qdhcp, self.qrouter}
        self.crash()
        for pid in self.qemus().values():
            os.kill(pid, signal.SIGKILL)
        until(20, "the processes to be gone", lambda: not self.qemus())
        for name in namespaces & host.namespaces():
            must("ip", "netns", "del", name)

    def end(self):
        self.cloud.remove_all()


def log_says(world, word):
    if word not in world.cloud.log.read_text(errors="replace"):
        raise Failed(f"the log does not mention '{word}':\n{world.cloud.log_tail(20)}")
