"""The cloud that most parts measure: a router, a small network and one with 1,000 ports, legs in namespaces of ours."""

from walkthrough.shell import Failed, until

from . import spaces
from .cloud import Cloud
from .dhcp import Client

PORTS = 1_000


class Field:
    """Built as far as a part asks for it, and then kept for the next part."""

    def __init__(self, program):
        self.cloud = Cloud(program)
        self._small = self._big = self._open = None
        self.legs = 0

    def start(self):
        self.cloud.up()
        self.api.lift_quotas()

    @property
    def api(self):
        return self.cloud.api

    @property
    def host(self):
        """The namespace that is the host: br-ex is there."""
        return self.cloud.namespace

    def open_group(self):
        """A security group that lets everything in."""
        self._open = self._open or self.api.group("open", "icmp", "tcp", "udp")
        return self._open

    def small(self):
        """A network behind a router, with nothing on it yet."""
        if not self._small:
            self.router = self.api.router()
            self._small = self.api.network("small", "10.101.0.0/24", self.router)
            self.cloud.settle()
        return self._small

    def big(self):
        """A network behind the same router, with 1,000 ports that all stand on the host."""
        if not self._big:
            self.small()
            self._big = self.api.network("big", "10.102.0.0/20", self.router)
            space = spaces.create("crowd")
            for n in range(PORTS):
                self.port(self._big, space, f"e{n}")
            self.until_active(self._big, PORTS)
            self.cloud.settle()
        return self._big

    def port(self, network, space, ifname="eth0", group=None):
        """A port with its leg in a namespace. Returns its document as it was when it was made."""
        port = self.api.make("port", network_id=network, security_groups=[group or self.open_group()])
        self.api.attach(port["id"], space, ifname)
        return port

    def leg(self, network, group=None):
        """A namespace with one leg on a network, ready for traffic. Returns its name and its port."""
        self.legs += 1
        space = spaces.create(f"leg{self.legs}")
        port = self.port(network, space, group=group)
        client = Client(space)
        client.until_offered()
        client.close()
        return space, port

    def until_active(self, network, count):
        path = f"/networking/v2.0/ports?network_id={network}&status=ACTIVE&fields=device_owner"

        def enough():
            # The network's own ports have an owner.
            seen = sum(not port["device_owner"] for port in self.api.ask("GET", path)["ports"])
            if seen < count:
                raise Failed(f"{seen} of {count} ports are active")
            return True

        until(240, f"{count} ports of network {network}", enough)

    def end(self):
        self.cloud.remove_all()


def address(port):
    return port["fixed_ips"][0]["ip_address"]
