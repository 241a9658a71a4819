"""Time and cost: wall clock, and the CPU time of another process to the nanosecond."""

import statistics
import time
from pathlib import Path

SCHED = 2  # which of a process's clocks: the scheduler's own sum, all its threads, ended ones included


def now():
    return time.perf_counter()


def cpu_seconds(pid):
    """CPU time of a process and its threads so far, in user and kernel mode (clock_getcpuclockid(3))."""
    return time.clock_gettime((~pid << 3) | SCHED)


def waited(pid):
    """Seconds that a process's busiest thread was ready to run and had no core."""
    tasks = (Path(path).read_text().split() for path in Path(f"/proc/{pid}/task").glob("*/schedstat"))
    return max((int(ran), int(queued)) for ran, queued, _ in tasks)[1] / 1e9


def resident_mb(pid):
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise ValueError(f"process {pid} has no memory")


def started_at(pid):
    """When a process began, in seconds since boot (ticks of 10 ms)."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return int(fields[19]) / 100


def since_boot():
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def ms(seconds):
    """Samples or one value, in milliseconds."""
    return [value * 1e3 for value in seconds] if isinstance(seconds, list) else seconds * 1e3


def median(values):
    return statistics.median(values)
