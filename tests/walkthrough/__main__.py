"""Runs the steps one after the other; stops at the first that fails, with what can be seen of the cloud then."""

import argparse
import os
import signal
import sys
import time
from pathlib import Path

from . import host
from .cloud import Cloud
from .shell import Failed
from .steps import STEPS, Story


def evidence(story):
    """Everything that helps to see why: the client's view, the console, the host's, the program's log."""
    cloud = story.cloud
    if cloud.process and cloud.process.poll() is None:
        print("--- the cloud's view")
        for words in (("server", "list", "--long"), ("port", "list"), ("router", "list"), ("floating", "ip", "list")):
            print(cloud.client(*words, deadline=30))
        if story.server:
            print(cloud.client("server", "show", "vm1", deadline=30))
            print(cloud.client("console", "log", "show", "--lines", "40", "vm1", deadline=30))
    print("--- the host")
    names = sorted(host.namespaces())
    print(f"namespaces: {names}")
    for name in [cloud.namespace, *(name for name in names if story.network and name in (story.qdhcp,)
                                    or story.router and name == story.qrouter)]:
        if name in names:
            for command in (("ip", "addr"), ("ip", "route"), ("nft", "list", "ruleset")):
                print(f"[{name}] {host.inside(name, *command)}")
    for pid, line in host.processes(str(cloud.work)).items():
        print(f"process {pid}: {line}")
    print(f"--- maru's log, the last lines\n{cloud.log_tail(60)}")


def main():
    target = Path(os.environ.get("MARU_TARGET", "target"))
    parser = argparse.ArgumentParser(prog="walkthrough.sh")
    parser.add_argument("--venv", required=True)
    parser.add_argument("--maru", default=os.environ.get("MARU", target / "debug/maru"), help="the program to test")
    parser.add_argument("--image", default=target / "image/tiny.qcow2", help="the guest image")
    parser.add_argument("--keep", action="store_true", help="leave the cloud running after a failure")
    options = parser.parse_args()
    for path in (options.maru, options.image):
        if not Path(path).exists():
            sys.exit(f"{path} is missing: build it first (cargo build -p maru; image/build.sh)")
    # An interrupt cleans up, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))

    cloud = Cloud(Path(options.maru).resolve(), options.venv)
    story = Story(cloud, options.image)
    passed = failed = 0
    keep = False
    try:
        for step in STEPS:
            begun = time.monotonic()
            try:
                step(story)
            except (Failed, OSError, KeyError, StopIteration, ValueError) as error:
                failed += 1
                print(f"FAIL {step.__name__}: {step.__doc__}\n{type(error).__name__}: {error}\n", flush=True)
                evidence(story)
                keep = options.keep
                break
            passed += 1
            print(f"PASS {step.__name__} ({time.monotonic() - begun:.1f} s): {step.__doc__}", flush=True)
    finally:
        if keep:
            print(f"kept: {cloud.work}, API {cloud.url}, host namespace {cloud.namespace}, process {cloud.process.pid}\n"
                  f"  export OS_CLIENT_CONFIG_FILE={cloud.state}/clouds.yaml OS_CLOUD=maru-demo\n"
                  f"  nsenter --net=/run/netns/{cloud.namespace}\n"
                  f"  remove: kill {cloud.process.pid}; {cloud.program} purge --yes --state-dir {cloud.state} "
                  f"--host-netns {cloud.namespace}; rm -r {cloud.work}")
        else:
            cloud.remove_all()
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
