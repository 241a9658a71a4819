"""Runs the parts one after the other; ends with one line that counts."""

import argparse
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from playwright.sync_api import Error as BrowserError
from playwright.sync_api import sync_playwright
from walkthrough.cloud import Cloud
from walkthrough.shell import Failed

from . import live, pages, seeds
from .chromium import Browser

PARTS = ("pages", "live")


def simulated(playwright, options, screens):
    """The parts that need no host: each with its name."""
    cloud = Cloud(options.maru, sys.prefix)
    try:
        cloud.start(node="sim")
        api = seeds.sow(cloud)
        browser = Browser(playwright, cloud)
        if "pages" in options.parts:
            yield "pages", lambda: pages.check(browser, screens, options.long)
        if "live" in options.parts:
            yield "live", lambda: live.check(browser, api)
        browser.close()
    finally:
        cloud.remove_all()


def main():
    target = Path(os.environ.get("MARU_TARGET", "target"))
    parser = argparse.ArgumentParser(prog="browser.sh")
    parser.add_argument("--maru", default=target / "debug/maru", type=Path, help="the program to test")
    parser.add_argument("--image", default=target / "image/tiny.qcow2", type=Path, help="the guest image")
    parser.add_argument("--long", action="store_true", help="every page in both themes and four widths")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    options = parser.parse_args()
    options.maru = options.maru.resolve()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    screens = target / "screens"
    passed = failed = 0
    with sync_playwright() as playwright:
        runs = []
        if {"pages", "live"} & set(options.parts):
            runs.append(simulated(playwright, options, screens))
        for run in runs:
            for name, step in run:
                begun = time.monotonic()
                try:
                    said = step()
                except (Failed, BrowserError, OSError, KeyError, ValueError) as error:
                    failed += 1
                    print(f"FAIL {name}\n{type(error).__name__}: {error}", flush=True)
                    if not isinstance(error, Failed):
                        traceback.print_exc()
                    run.close()
                    break
                passed += 1
                print(f"PASS {name} ({time.monotonic() - begun:.1f} s){': ' + said if said else ''}", flush=True)
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


main()
