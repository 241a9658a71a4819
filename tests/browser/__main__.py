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
from walkthrough import host
from walkthrough.cloud import Cloud
from walkthrough.shell import Failed, expect

from . import live, pages, seeds, tutorial
from .chromium import Browser

PARTS = ("pages", "live", "tutorial")
LANGUAGES = ("ko", "en")


class Step:
    """Something that passes or fails; what of it can be seen when it failed."""

    def __init__(self, name, run, picture=None):
        self.name, self.run, self.picture = name, run, picture


def simulated(playwright, options, screens):
    """The parts that need no host."""
    cloud = Cloud(options.maru, sys.prefix)
    try:
        cloud.start(node="sim")
        api = seeds.sow(cloud)
        browser = Browser(playwright, cloud)
        if "pages" in options.parts:
            yield Step("pages", lambda: pages.check(browser, api, screens, options.depth))
        if "live" in options.parts:
            yield Step("live", lambda: live.check(browser, api))
        browser.close()
    finally:
        cloud.remove_all()


def real(playwright, options, screens):
    """The walk-through, in each language, on a cloud whose host is a namespace; nothing of it stays."""
    before = host.snapshot()
    cloud = Cloud(options.maru, sys.prefix)
    try:
        cloud.start()
        browser = Browser(playwright, cloud)
        for lang in options.languages:
            story = tutorial.Story(browser, cloud, options.image, lang, screens)
            for step in tutorial.STEPS:
                yield Step(f"{lang} {step.__name__}: {step.__doc__}", lambda story=story, step=step: step(story), story.picture)
        browser.close()
        yield Step("nothing is left on the host", lambda: gone(cloud, before))
    except GeneratorExit:
        print(f"--- maru's log, the last lines\n{cloud.log_tail(60)}", flush=True)
        raise
    finally:
        cloud.remove_all()


def gone(cloud, before):
    names, mark = host.neighbours(cloud.namespace), host.owner_of(cloud.namespace)
    cloud.stop()
    cloud.purge()
    left = host.traces(before, names, (cloud.namespace, str(cloud.state), mark))
    expect(not left, "not as before:\n  " + "\n  ".join(left))


def main():
    target = Path(os.environ.get("MARU_TARGET", "target"))
    parser = argparse.ArgumentParser(prog="browser.sh")
    parser.add_argument("--maru", default=os.environ.get("MARU", target / "debug/maru"), type=Path, help="the program to test")
    parser.add_argument("--image", default=target / "image/tiny.qcow2", type=Path, help="the guest image")
    parser.add_argument("--short", dest="depth", action="store_const", const="short", default="usual", help="each page once")
    parser.add_argument("--long", dest="depth", action="store_const", const="long", help="each page in both themes and four widths")
    parser.add_argument("--lang", dest="languages", action="append", choices=LANGUAGES, help="the tutorial in this language alone")
    parser.add_argument("parts", nargs="*", choices=[*PARTS, []], default=list(PARTS))
    options = parser.parse_args()
    options.maru = options.maru.resolve()
    options.languages = options.languages or LANGUAGES
    for path in (options.maru, *([options.image] if "tutorial" in options.parts else [])):
        if not path.exists():
            sys.exit(f"{path} is missing: build it first (cargo build -p maru; image/build.sh)")
    # An interrupt cleans up, too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    screens = target / "screens"
    with sync_playwright() as playwright:
        runs = []
        if {"pages", "live"} & set(options.parts):
            runs.append(simulated(playwright, options, screens))
        if "tutorial" in options.parts:
            runs.append(real(playwright, options, screens))
        outcomes = [run_all(run) for run in runs]
    passed, failed = (sum(counts) for counts in zip(*outcomes))
    print(f"{passed} passed, {failed} failed")
    sys.exit(1 if failed or not passed else 0)


def run_all(run):
    """(passed, failed); the first failure ends a run."""
    passed = 0
    try:
        for step in run:
            if not attempt(step):
                return passed, 1
            passed += 1
    finally:
        # Also after an interrupt: it removes its cloud.
        run.close()
    return passed, 0


def attempt(step):
    """Whether it passed; tells it."""
    begun = time.monotonic()
    try:
        said = step.run()
    except (Failed, BrowserError, AssertionError, OSError, KeyError, ValueError) as error:
        print(f"FAIL {step.name}\n{type(error).__name__}: {error}", flush=True)
        for frame in traceback.extract_tb(error.__traceback__):
            if "site-packages" not in frame.filename:
                print(f"  {frame.filename}:{frame.lineno}: {frame.line}", flush=True)
        if step.picture:
            step.picture("failed")
        return False
    print(f"PASS {step.name} ({time.monotonic() - begun:.1f} s){': ' + said if isinstance(said, str) else ''}", flush=True)
    return True


main()
