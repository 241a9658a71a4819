"""The same with 1,000 ports on the host."""

from . import clocks, idle
from .field import PORTS


def measure(bench):
    bench.field.big()
    bench.field.cloud.settle()
    pid = bench.field.cloud.pid
    bench.add(idle.PART, f"memory with {PORTS} ports on the host", clocks.resident_mb(pid), "MB", at_most=100)
    bench.add(idle.PART, f"CPU at rest with {PORTS} ports", idle.at_rest(bench.field.cloud, bench.few(10, 4)), "%")
