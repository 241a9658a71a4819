#!/usr/bin/env python3
"""Writes the figures of docs/compatibility.md from results of run-tempest.sh, so that it claims no more than was seen.

  compatibility.py docs/compatibility.md RESULTS.json...     (with the suite's own Python, which has subunit)

What stands between the two markers of the document is replaced: one line per area with its counts, then every test that
failed with its cause. Of a test in several files, the last one counts.
"""
import json
import re
import sys
from collections import Counter

from tempest_summary import AREAS, area, bare

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


def load(paths):
    """{test: (status, reason)}."""
    found = {}
    for path in paths:
        with open(path, encoding="utf-8") as file:
            for entry in json.load(file):
                found[bare(entry["test"])] = entry["status"], entry.get("reason", "")
    return found


def figures(results):
    """The lines between the markers."""
    counts = {}
    for test, (status, _) in results.items():
        counts.setdefault(area(test), Counter())[status] += 1
    lines = ["| Tests | passed | failed | skipped | not run | passed of those that ran |", "|---|---|---|---|---|---|"]
    for name, _ in AREAS:
        if name in counts:
            of = counts[name]
            # A class that could not be taken down is no test.
            if not any(of[status] for status in ("passed", "failed", "skipped", "notrun")):
                continue
            ran = of["passed"] + of["failed"]
            share = f"{100 * of['passed'] / ran:.1f} %" if ran else "-"
            lines.append(f"| {name} | {of['passed']} | {of['failed']} | {of['skipped']} | {of['notrun']} | {share} |")
    failures = sorted((test, reason) for test, (status, reason) in results.items() if status == "failed")
    lines += ["", "Failed, and what was answered:" if failures else "No test failed.", ""]
    lines += [f"- `{test}`: {re.sub(r'[|<>]', ' ', reason)[:160]}" for test, reason in failures]
    return lines


def main():
    document, *paths = sys.argv[1:]
    if not paths:
        sys.exit(__doc__)
    with open(document, encoding="utf-8") as file:
        text = file.read()
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    body = "\n".join(figures(load(paths))).rstrip()
    with open(document, "w", encoding="utf-8") as file:
        file.write(f"{before}{BEGIN}\n{body}\n{END}{after}")


if __name__ == "__main__":
    main()
