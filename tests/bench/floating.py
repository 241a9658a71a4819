"""Floating IP associated -> the first ping from the host answered. The host asks every 2 ms from the moment of the
request, so the first question finds no neighbour at that address, as a user's would."""

from . import clocks
from .echo import Echo

PART = "floating IP"


def measure(bench):
    field = bench.field
    _, port = field.leg(field.small())
    public = field.api.public()
    times, trips = [], []
    for _ in range(bench.few(20, 5)):
        floating = field.api.make("floatingip", floating_network_id=public)
        field.cloud.settle(0.1)
        echo = Echo(field.host, floating["floating_ip_address"])
        began = clocks.now()
        field.api.ask("PUT", f"/networking/v2.0/floatingips/{floating['id']}", {"floatingip": {"port_id": port["id"]}})
        times.append(echo.until_answered(began))
        trips += echo.round_trips(10)
        echo.close()
        field.api.delete("floatingips", floating["id"])
        field.cloud.settle(0.1)
    bench.add(PART, "floating IP associated -> first ping answered", clocks.ms(times), "ms", at_most=100,
              baseline=clocks.ms(clocks.median(trips)), baseline_of="round trip of a standing one")
