"""Security group rule added -> the first ping passes; rule removed -> the last one does, though the flow goes on."""

from . import clocks
from .echo import Echo
from .field import PORTS

PART = "rule"


def measure(bench):
    field = bench.field
    for title, network in (("small network", field.small), (f"network of {PORTS} ports", field.big)):
        group = field.api.group(f"shut {title}")
        _, port = field.leg(network(), group)
        floating = field.api.make("floatingip", floating_network_id=field.api.public(), port_id=port["id"])
        field.cloud.settle()
        added, removed, trips = run(bench, group, floating["floating_ip_address"])
        trip = clocks.ms(clocks.median(trips))
        bench.add(PART, f"rule added -> first ping passes, {title}", clocks.ms(added), "ms", at_most=50,
                  baseline=trip, baseline_of="round trip of a ping")
        bench.add(PART, f"rule removed -> flow cut, {title}", clocks.ms(removed), "ms", at_most=50,
                  baseline=trip, baseline_of="round trip of a ping")
        field.api.delete("floatingips", floating["id"])


def run(bench, group, address):
    """Seconds to the first answer after a rule, to the last after its end, and of round trips between."""
    field = bench.field
    added, removed, trips = [], [], []
    for _ in range(bench.few(20, 5)):
        echo = Echo(field.host, address)
        began = clocks.now()
        rule = field.api.rule(group, "icmp")
        added.append(echo.until_answered(began))
        trips += echo.round_trips(10)
        field.cloud.settle(0.1)
        began = clocks.now()
        field.api.delete("security-group-rules", rule)
        removed.append(echo.until_silent(began))
        echo.close()
    return added, removed, trips
