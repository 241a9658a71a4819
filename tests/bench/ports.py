"""Port created -> link, rules and DHCP answer ready: from the POST to the OFFER that a DISCOVER on the port's leg gets.

The port is made and plugged into a namespace by two requests; the clock starts at the first and stops when the first
OFFER arrives in the namespace, where a client asks every 10 ms from the moment the interface is there. CPU is that of
Maru's process between the two moments, API and DHCP included."""

from . import clocks, spaces
from .dhcp import Client
from .field import PORTS

PART = "port"


def measure(bench):
    field = bench.field
    samples = bench.few(50, 10)
    by_hand = baseline(bench.few(20, 5))
    run(field, field.small(), 3)  # the first port of a network brings more than itself; not what is measured
    # The large network is made when its turn comes.
    for title, network in (("empty network", field.small), (f"network of {PORTS} ports", field.big)):
        wall, cpu = run(field, network(), samples)
        bench.add(PART, f"port created -> DHCP answers, wall, {title}", clocks.ms(wall), "ms", at_most=100, goal_of_p99=True,
                  baseline=by_hand, baseline_of="veth pair made by hand (ip)")
        bench.add(PART, f"port created -> DHCP answers, CPU of Maru, {title}", clocks.ms(cpu), "ms", at_most=20)


def run(field, network, samples):
    """Seconds of wall clock and of CPU, for each of some ports, which are deleted again."""
    wall, cpu = [], []
    for n in range(samples):
        space = spaces.create(f"port{n}")
        client = Client(space)
        group = field.open_group()
        spent, began = clocks.cpu_seconds(field.cloud.pid), clocks.now()
        port = field.port(network, space, group=group)
        answered, _ = client.until_offered()
        wall.append(answered - began)
        cpu.append(clocks.cpu_seconds(field.cloud.pid) - spent)
        client.close()
        field.api.delete("ports", port["id"])
        field.cloud.settle(0.1)
        spaces.delete(space)
    return wall, cpu


def baseline(samples):
    """Milliseconds for a bridged veth pair into another namespace, made with the usual tool in one process."""
    near, far = spaces.create("near"), spaces.create("far")
    spaces.batch(["link add br0 type bridge", "link set br0 up"], near)
    times = []
    for n in range(samples):
        began = clocks.now()
        spaces.batch([f"link add t{n} type veth peer name e{n} netns {far}", f"link set t{n} master br0 up"], near)
        times.append(clocks.now() - began)
    spaces.delete(near)
    spaces.delete(far)
    return clocks.ms(clocks.median(times))
