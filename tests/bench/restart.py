"""500 networks with a port each: `kill -9`, `maru up`, and the time until all of it stands again.

It stands when the host says so (/maru/v1/status: the wanted revision is applied and nothing failed) and then a DHCP
client on each of the 500 legs has its offer. Once with everything left in the kernel as the killed process had it, once
with all namespaces of the cloud removed."""

from walkthrough import host
from walkthrough.shell import until

from . import clocks, idle, spaces
from .cloud import Cloud
from .dhcp import Client

PART = "restart"
NETWORKS = 500


def measure(bench):
    bench.end_field()
    count = bench.few(NETWORKS, 50)
    cloud = Cloud(bench.options.maru)
    try:
        cloud.up()
        cloud.api.lift_quotas()
        space = spaces.create("legs")
        began = clocks.now()
        names = build(cloud, space, count)
        bench.add(PART, f"{count} networks with a port each made, all requests in turn", clocks.now() - began, "s")
        offered(clients(space, count))
        cloud.settle()
        bench.add(PART, f"memory with {count} networks", clocks.resident_mb(cloud.pid), "MB")
        bench.add(PART, f"CPU at rest with {count} networks", idle.at_rest(cloud, bench.few(10, 4)), "%")
        by_hand = baseline(count)
        names.append(cloud.namespace)
        for title, gone in (("kernel objects kept", []), ("all namespaces removed", names)):
            cloud.crash()
            remove(gone, space)
            token, ready, cpu = again(cloud, space, count)
            bench.add(PART, f"kill -9, maru up -> first token, {count} networks, {title}", token, "s", at_most=1)
            bench.add(PART, f"kill -9, maru up -> all ready, {count} networks, {title}", ready, "s", at_most=10,
                      baseline=by_hand, baseline_of="bare namespaces, bridges and veth pairs by hand (ip)")
            bench.add(PART, f"CPU of Maru for that, {title}", cpu, "s")
    finally:
        cloud.remove_all()
        spaces.delete_all()


def build(cloud, space, count):
    """Makes them; returns the names of their namespaces."""
    names = []
    for n in range(count):
        network = cloud.api.network(f"n{n}", f"10.{n // 250}.{n % 250}.0/24")
        port = cloud.api.make("port", network_id=network)
        cloud.api.attach(port["id"], space, f"e{n}")
        names.append(f"qdhcp-{network}")
    return names


def clients(space, count):
    return [Client(space, f"e{n}") for n in range(count)]


def offered(asking):
    """Waits until every leg has its offer; returns the moment. Closing a client's socket takes its time: that is after."""
    try:
        return max(client.until_offered(60)[0] for client in asking)
    finally:
        for client in asking:
            client.close()


def again(cloud, space, count):
    """Starts it; seconds to the first token, until everything stands, and CPU that Maru used for it."""
    asking = clients(space, count)
    began = clocks.now()
    token, _ = cloud.up()
    cpu = clocks.cpu_seconds(cloud.pid)
    return token, offered(asking) - began, cpu


def remove(names, space):
    """What a reboot leaves of the network: nothing. The namespace that stands for servers is only emptied by that."""
    if names:
        spaces.batch(f"netns del {name}" for name in names)
        until(60, "the kernel to be done with the namespaces", lambda: not legs(space))


def legs(space):
    return [name for name in host.addresses(space) if name.startswith("e")]


def baseline(count):
    """Seconds for the same number of namespaces with a bridge and a veth pair, by two `ip` processes each."""
    sample = min(count, 25)
    far = spaces.create("far")
    began = clocks.now()
    for n in range(sample):
        name = spaces.PREFIX + f"hand{n}"
        spaces.batch([f"netns add {name}"])
        spaces.batch(["link add br0 type bridge", "link set br0 up", f"link add t0 type veth peer name e{n} netns {far}",
                      "link set t0 master br0 up"], name)
    seconds = (clocks.now() - began) / sample * count
    spaces.batch([f"netns del {spaces.PREFIX}hand{n}" for n in range(sample)])
    spaces.delete(far)
    return seconds
