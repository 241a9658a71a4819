"""A cloud at rest, on the real host part: the memory it takes, and what it does when nobody asks for anything."""

import time

from . import clocks

PART = "at rest"


def measure(bench):
    cloud = bench.field.cloud
    bench.field.small()
    # What the last login's hash took (19 MB) is given back five to ten seconds later.
    time.sleep(12)
    bench.add(PART, "memory, empty but for one network and its router", clocks.resident_mb(cloud.pid), "MB", at_most=40)
    bench.add(PART, "CPU at rest, the same", at_rest(cloud, bench.few(10, 4)), "%")


def at_rest(cloud, seconds):
    """Percent of one core, over some seconds."""
    before, began = clocks.cpu_seconds(cloud.pid), clocks.now()
    time.sleep(seconds)
    return (clocks.cpu_seconds(cloud.pid) - before) / (clocks.now() - began) * 100
