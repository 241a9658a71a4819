"""Runs the parts, prints the table, writes the JSON. Whatever happens, nothing of it stays on the machine."""

import argparse
import importlib
import os
import platform
import signal
import sys
import time
import traceback
from pathlib import Path

from . import spaces
from .field import Field
from .figures import Figures

PARTS = ("api", "dashboard", "reach", "idle", "ports", "floating", "rules", "crowd", "packets", "restart", "servers")


class Bench:
    """What the parts need: the programs, the cloud that they share, and where figures go."""

    def __init__(self, options):
        self.options, self.figures, self._field = options, Figures(), None

    def few(self, usual, quick):
        """How many samples."""
        return quick if self.options.quick else usual

    def add(self, *arguments, **named):
        return self.figures.add(*arguments, **named)

    @property
    def field(self):
        if not self._field:
            self._field = Field(self.options.maru)
            self._field.start()
        return self._field

    def end_field(self):
        """The parts that follow have the machine to themselves."""
        field, self._field = self._field, None
        if field:
            field.end()
        spaces.delete_all()

    def run(self, part):
        print(f"\n== {part}", flush=True)
        begun = time.monotonic()
        try:
            importlib.import_module(f".{part}", __package__).measure(self)
        except Exception as error:  # the other parts are still worth measuring
            self.figures.failed(part, f"{type(error).__name__}: {error}")
            traceback.print_exc()
            if self._field:
                print(self._field.cloud.log_tail(20), file=sys.stderr)
            self.end_field()
        print(f"   ({time.monotonic() - begun:.0f} s)", flush=True)


def arguments():
    target = Path(os.environ.get("MARU_TARGET", "target"))
    release = target / "release"
    parser = argparse.ArgumentParser(prog="bench.sh", description="measures the program, each figure beside its goal")
    parser.add_argument("--maru", type=Path, default=release / "maru", help="the program to measure")
    parser.add_argument("--image", type=Path, default=target / "image/tiny.qcow2", help="the guest image")
    parser.add_argument("--examples", type=Path, default=release / "examples", help="where 'bench' and 'packets' are")
    parser.add_argument("--only", action="append", choices=PARTS, metavar="PART", help=f"only this part: {', '.join(PARTS)}")
    parser.add_argument("--quick", action="store_true", help="few samples: whether it runs, not how fast")
    parser.add_argument("--strict", action="store_true", help="exit code 1 if a goal is missed")
    parser.add_argument("--json", type=Path, default=target / "bench/figures.json", help="where the figures go as JSON")
    parser.add_argument("--markdown", type=Path, help="write the page docs/benchmarks.md to this file, too")
    options = parser.parse_args()
    options.maru, options.image = options.maru.resolve(), options.image.resolve()
    for path in (options.maru, options.image):
        if not path.exists():
            parser.error(f"{path} is missing: build it first (make build image)")
    return options


def about(options):
    """The machine in general terms."""
    return {"cores": os.cpu_count(), "kernel": platform.release(), "machine": platform.machine(), "quick": options.quick,
            "load_before": os.getloadavg()[0], "date": time.strftime("%Y-%m-%d")}


def page(figures, machine):
    """docs/benchmarks.md."""
    return "\n".join([
        "# Figures", "",
        "What `make bench` prints: each figure beside its goal and, where the machine matters, beside a baseline of the same run.",
        "Written by `scripts/bench.sh PROGRAM IMAGE --markdown docs/benchmarks.md`; how each is taken stands at the head of its",
        "part in `tests/bench/`.", "",
        f"Last run: {machine['date']}, {machine['cores']} cores, kernel {machine['kernel'].partition('-')[0]}, guests by TCG (no KVM),"
        f" load average {machine['load_before']:.1f} from other work before it began and {os.getloadavg()[0]:.1f} in the end. Wall clock",
        "figures grow with such a load; CPU times and ratios hardly do.", "",
        *figures.markdown(), "",
        figures.summary().partition("\n")[0] + ".", ""])


def main():
    options = arguments()
    # An interrupt cleans up, too; also for a job in the background, which starts with SIGINT ignored.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: sys.exit(1))
    bench, machine = Bench(options), about(options)
    begun = time.monotonic()
    try:
        for part in options.only or PARTS:
            bench.run(part)
    finally:
        bench.end_field()
    print(f"\n{machine['cores']} cores, kernel {machine['kernel']}, load {machine['load_before']:.1f} before"
          f"{' (QUICK: too few samples to judge by)' if options.quick else ''}")
    print("\n".join(bench.figures.table()))
    print(f"\n{bench.figures.summary()}\nafter {time.monotonic() - begun:.0f} s; figures in {options.json}")
    bench.figures.write(options.json, machine)
    if options.markdown:
        options.markdown.write_text(page(bench.figures, machine), encoding="utf-8")
    sys.exit(1 if bench.figures.parts_failed or options.strict and not bench.figures.all_met else 0)


main()
