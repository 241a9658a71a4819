"""The packet path: CPU cost from namespace to namespace over Maru's networks, as ratios to a bare veth pair.

In each round every path carries each kind of load once, the bare pair first, so that a figure's baseline is seconds old.
The load itself, and how its cost is taken, is in crates/maru/examples/packets.rs."""

import json

from walkthrough.shell import must

from . import spaces
from .clocks import median
from .field import PORTS, address

PART = "packet path"
PORT = 5001
SECONDS = 0.7
# What is sent, how it is called here, and the goals: same network, floating IP.
KINDS = {
    "small": ("small packet", 1.9, 2.8),
    "new": ("small packet of a new flow", 2.2, None),
    "bytes": ("TCP byte", 1.2, 1.3),
    "connections": ("TCP connection", 1.5, 1.8),
}
FLAT = 1.1


def measure(bench):
    paths = {"raw": raw_pair(), "few": same_network(bench.field, bench.field.small()),
             "many": same_network(bench.field, bench.field.big()), "floating": floating(bench.field)}
    rounds = [one_round(bench, paths) for _ in range(bench.few(5, 2))]
    for kind, (title, same, floating_ip) in KINDS.items():
        raw = median([seen["raw", kind] for seen in rounds])
        bench.add(PART, f"{title}: bare veth pair", raw, "ns")

        def ratio(path, to="raw"):
            return median([seen[path, kind] / seen[to, kind] for seen in rounds])

        rows = ((f"{title}: same network, security group", "few", same),
                (f"{title}: the same among {PORTS} ports", "many", same),
                (f"{title}: from outside over a floating IP, among {PORTS} ports", "floating", floating_ip))
        for what, path, goal in rows:
            bench.add(PART, what, ratio(path), "x", at_most=goal, baseline=1, baseline_of="bare veth pair")
        if kind == "small":
            bench.add(PART, f"{title}: network of {PORTS} ports against one of 2", ratio("many", "few"), "x", at_most=FLAT,
                      baseline=1, baseline_of="network of 2 ports")


def one_round(bench, paths):
    """{(path, kind): nanoseconds}."""
    seen = {}
    for kind in KINDS:
        for name, (source, target, ip) in paths.items():
            answer = must(bench.options.examples / "packets", "--kind", kind, "--from", source, "--to", target,
                          "--address", f"{ip}:{PORT}", "--seconds", bench.few(SECONDS, 0.3), deadline=30)
            seen[name, kind] = json.loads(answer)["nanoseconds"]
    return seen


def raw_pair():
    """Two namespaces and a cable."""
    near, far = spaces.create("raw1"), spaces.create("raw2")
    spaces.batch([f"link add eth0 type veth peer name eth0 netns {far}", "link set eth0 up", "addr add 10.1.0.1/24 dev eth0"], near)
    spaces.batch(["link set eth0 up", "addr add 10.1.0.2/24 dev eth0"], far)
    return near, far, "10.1.0.2"


def same_network(field, network):
    source, _ = field.leg(network)
    target, port = field.leg(network)
    return source, target, address(port)


def floating(field):
    """From a machine beside the cloud, on the provider network, to a port of the large network."""
    outside = spaces.create("outside")
    spaces.batch([f"link add outside type veth peer name eth0 netns {outside}", "link set outside master br-ex up"], field.host)
    spaces.batch(["link set eth0 up", "addr add 172.24.4.254/24 dev eth0"], outside)
    target, port = field.leg(field.big())
    made = field.api.make("floatingip", floating_network_id=field.api.public(), port_id=port["id"])
    field.cloud.settle()
    return outside, target, made["floating_ip_address"]
