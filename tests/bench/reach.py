"""Reach, on a simulated host: how long an answer takes with 100, 1,000 and 10,000 ports, in networks of a thousand at most, the whole
request included. Three questions: one that nothing stands in the way of, there and back; one with three causes, each mended on a copy and
planned anew to see the next; and one to an address that nobody has. Ports are namespaces', each in one of its own, and all in one group.

Then a hundred paths are watched, half of which a rule opens and shuts: how long until one of them is told of it, and how long the
request that changes the rule takes, beside the same without watched paths."""

import statistics

from walkthrough.shell import Failed

from . import clocks
from .cloud import Api
from .dashboard import SimulatedCloud

PART = "reach"
SIZES = (100, 1_000, 10_000)
PORTS_OF_A_NETWORK = 1_000
# Several are made by one request.
BATCH = 50
WATCHES = 100
WATCHED = "/maru/v1/reach/watches"


def measure(bench):
    cloud = SimulatedCloud(bench.options.maru)
    try:
        cloud.up()
        api = cloud.api
        api.lift_quotas()
        place = Place(api)
        for size in SIZES if not bench.options.quick else SIZES[:1]:
            place.grow(size)
            questions = {
                "reached over a floating IP, there and back": f"to=port:{place.open}&protocol=tcp&port=22",
                "three causes and what mends them": f"to=port:{place.shut}&protocol=tcp&port=22",
                "an address that nobody has": f"to=172.24.4.251&from=port:{place.open}",
            }
            for name, query in questions.items():
                bench.add(PART, f"{name}, {size} ports", times(api, query, bench.few(200, 10)), "ms", at_most=10)
            watch(bench, api, place, size)
    finally:
        cloud.remove_all()


def watch(bench, api, place, size):
    alone, _ = flips(api, place, bench.few(50, 5), None)
    for number in range(WATCHES):
        port = place.open if number % 2 else place.shut
        api.ask("POST", WATCHED, {"watch": {"to": f"port:{port}", "name": f"w{number}"}})
    changed, told = flips(api, place, bench.few(50, 5), f"w{WATCHES - 1}")
    bench.add(PART, f"a change told, {WATCHES} paths watched, {size} ports", told, "ms", at_most=1000)
    bench.add(PART, f"a rule made or removed, {WATCHES} paths watched, {size} ports", changed, "ms",
              baseline=statistics.median(alone), baseline_of="no path watched")
    for number in range(WATCHES):
        api.ask("DELETE", f"{WATCHED}/w{number}")


def flips(api, place, samples, name):
    """A rule made and removed; how long each request took, and how long after it the path `name` was told."""
    changed, told, seen, rule = [], [], 0, None
    for _ in range(2 * samples):
        began = clocks.now()
        if rule is None:
            rule = api.rule(place.group, "icmp")
        else:
            api.delete("security-group-rules", rule)
            rule = None
        done = clocks.now()
        changed.append(clocks.ms(done - began))
        if name:
            news = api.ask("GET", f"{WATCHED}/{name}?after={seen}&wait=30")["transitions"]
            told.append(clocks.ms(clocks.now() - done))
            seen = news[-1]["seq"]
            expected = "reachable" if rule else "blocked"
            if [transition["to"]["verdict"] for transition in news] != [expected]:
                raise Failed(f"{name} should be {expected}: {news}")
    return changed, told


def times(api, query, samples):
    path = f"/maru/v1/reach?{query}"
    taken = []
    for _ in range(samples):
        began = clocks.now()
        api.ask("GET", path)
        taken.append(clocks.ms(clocks.now() - began))
    return taken


class Place:
    """What questions are asked about: a port that is reached, one that is not, and many others."""

    def __init__(self, api: Api):
        self.api, self.ports, self.networks = api, 0, 0
        self.router = api.router()
        self.group = api.group("reached", "tcp")
        network = api.network("open", "10.200.0.0/24", self.router)
        self.open = self.port(network, self.group)
        api.make("floatingip", floating_network_id=api.public(), port_id=self.open)
        self.shut = self.port(api.network("shut", "10.201.0.0/24"), None)

    def port(self, network, group):
        more = {"security_groups": [group]} if group else {}
        port = self.api.make("port", network_id=network, **more)["id"]
        self.attach(port)
        return port

    def attach(self, port):
        # Ports of one namespace would be one machine's.
        self.api.attach(port, f"bench{self.ports}")
        self.ports += 1

    def grow(self, size):
        while self.ports < size:
            self.networks += 1
            network = self.api.network(f"net-{self.networks}", f"10.{self.networks}.0.0/20", self.router)
            left = min(size - self.ports, PORTS_OF_A_NETWORK)
            while left > 0:
                count = min(left, BATCH)
                body = {"ports": [{"network_id": network, "security_groups": [self.group]}] * count}
                for port in self.api.ask("POST", "/networking/v2.0/ports", body)["ports"]:
                    self.attach(port["id"])
                left -= count
