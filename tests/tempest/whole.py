#!/usr/bin/env python3
"""What a whole run of the suites says (scripts/tempest.sh): one line per area, the interoperability list, every failure,
what was left over, and whether all rounds agree.

  whole.py INTEROP-LIST DIR       (DIR/ROUND/AREA/results.json and status.json)

Ends with "N passed, N failed, N skipped"; the exit code is 0 when nothing failed, nothing was left over and every round
gave the same.
"""
import json
import sys
from collections import Counter
from pathlib import Path


def bare(test):
    """The name without its id and tags."""
    return test.split("[")[0].split("(")[0]


class Round:
    """The results of one round: {test: (status, reason)}, and what was left over after which area."""

    def __init__(self, directory):
        self.areas, self.left = {}, []
        for area in sorted(directory.iterdir(), key=lambda path: path.stat().st_mtime):
            results = area / "results.json"
            rows = json.loads(results.read_text("utf-8")) if results.exists() else []
            self.areas[area.name] = {bare(row["test"]): (row["status"], row.get("reason", "")) for row in rows}
            status = json.loads((area / "status.json").read_text("utf-8"))
            self.left += [(area.name, thing["kind"], thing["name"]) for thing in status["leftovers"]]

    @property
    def tests(self):
        return {test: outcome for results in self.areas.values() for test, outcome in results.items()}


def line(name, statuses):
    of = Counter(statuses)
    ran = of["passed"] + of["failed"] + of["notrun"]
    share = f", {100 * of['passed'] / ran:.1f} % of those that ran" if ran else ""
    return (f"{name:12} {of['passed']:4} passed {of['failed'] + of['notrun']:3} failed"
            f" {of['skipped']:3} skipped{share}")


def main():
    interop, directory = map(Path, sys.argv[1:3])
    rounds = [Round(path) for path in sorted(directory.iterdir(), key=lambda path: int(path.name))]
    bad = False
    for number, seen in enumerate(rounds, 1):
        print(f"round {number} of {len(rounds)}")
        for area, results in seen.areas.items():
            print("  " + line(area, [status for status, _ in results.values()]))
            bad = bad or not results
        wanted = [bare(text) for text in interop.read_text("utf-8").splitlines() if text.strip() and not text.startswith("#")]
        asked = [seen.tests[test][0] for test in wanted if test in seen.tests]
        if asked:
            print("  " + line("interop", asked) + f" ({len(asked)} of the list's {len(wanted)} were asked)")
        for test, (status, reason) in sorted(seen.tests.items()):
            if status in ("failed", "notrun"):
                print(f"  {status}: {test}: {reason[:200]}")
        for area, kind, name in seen.left:
            print(f"  left over after {area}: {kind} {name}")
            bad = True
    for number, seen in enumerate(rounds[1:], 2):
        for test, (status, _) in sorted(rounds[0].tests.items()):
            now = seen.tests.get(test, ("notrun", ""))[0]
            if now != status:
                print(f"differs: {test}: {status} in round 1, {now} in round {number}")
                bad = True
    counts = Counter(status for seen in rounds for status, _ in seen.tests.values())
    failed = counts["failed"] + counts["notrun"]
    print(f"{counts['passed']} passed, {failed} failed, {counts['skipped']} skipped")
    return 1 if bad or failed or not counts["passed"] else 0


if __name__ == "__main__":
    sys.exit(main())
