"""Runs the cases; stops at the first that fails, with what can be seen then."""

import argparse
import functools
import os
import signal
import sys
import time
from pathlib import Path

from walkthrough import host
from walkthrough.shell import Failed

from . import cases, points
from .api import Cut
from .world import World


def story(long, share):
    """What is run, in order."""
    delays = cases.LONG if long else cases.SHORT
    return [
        cases.deleted_names_come_back,
        cases.a_deleted_bridge_comes_back,
        cases.a_flushed_ruleset_comes_back,
        cases.a_deleted_leg_comes_back,
        cases.a_server_outlives_maru,
        cases.namespaces_deleted_while_maru_is_down_come_back,
        cases.a_killed_qemu_is_started_again,
        cases.a_second_instance_is_refused,
        functools.partial(cases.crashes_during_creation_lose_and_leave_nothing, delays=delays),
        functools.partial(cases.crashes_during_deletion_lose_and_leave_nothing, delays=delays),
        functools.partial(points.crashes_at_steps, long=long, share=share),
        cases.a_reboot_restores_power_states,
        cases.purge_leaves_nothing,
    ]


def main():
    target = Path(os.environ.get("MARU_TARGET", "target"))
    parser = argparse.ArgumentParser(prog="faults.sh")
    parser.add_argument("--maru", default=os.environ.get("MARU", target / "debug/maru"), help="the program to test")
    parser.add_argument("--image", default=target / "image/tiny.qcow2", help="the guest image")
    parser.add_argument("--long", action="store_true", help="many more moments to crash at")
    parser.add_argument("--share", default="1/1", help="with --long: which of how many equal shares of the crash points, 2/4 say")
    parser.add_argument("--only", default="", help="only cases whose name holds this text")
    options = parser.parse_args()
    which, _, of = options.share.partition("/")
    if not (which.isdigit() and of.isdigit() and 1 <= int(which) <= int(of)):
        parser.error(f"--share {options.share}: it must be like 1/2 or 2/2")
    share = int(which), int(of)
    for path in (options.maru, options.image):
        if not Path(path).exists():
            sys.exit(f"{path} is missing: build it first (cargo build -p maru; image/build.sh)")
    # An interrupt cleans up, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    before = host.snapshot()
    world = World(Path(options.maru).resolve(), Path(options.image).resolve())
    world.before = before
    passed = failed = 0
    try:
        world.build()
        world.keep_address()
        for case in story(options.long, share):
            plain = getattr(case, "func", case)
            if options.only not in plain.__name__:
                continue
            begun = time.monotonic()
            try:
                case(world)
            except (Failed, Cut, OSError, LookupError, StopIteration, ValueError) as error:
                failed += 1
                print(f"FAIL {plain.__name__}: {plain.__doc__}\n{type(error).__name__}: {error}\n", flush=True)
                print(world.picture(), flush=True)
                print(f"--- maru's log, the last lines\n{world.cloud.log_tail(60)}")
                break
            passed += 1
            print(f"PASS {plain.__name__} ({time.monotonic() - begun:.1f} s): {plain.__doc__}", flush=True)
    finally:
        world.end()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
