"""Figures beside their goals: one line each on screen as they come, a table in the end, JSON for machines."""

import json
import math
import statistics
from dataclasses import asdict, dataclass
from typing import Optional


def percentile(values, part):
    """The value that this part of the values does not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(part * len(ordered)) - 1)]


@dataclass
class Figure:
    """One figure. `value` is the median, `p99` stands where the spread matters; the goal is held against `value`, or
    against `p99` if `goal_of_p99`."""

    part: str
    what: str
    value: float
    unit: str
    p99: Optional[float] = None
    at_most: Optional[float] = None
    at_least: Optional[float] = None
    goal_of_p99: bool = False
    baseline: Optional[float] = None
    baseline_of: str = ""

    @property
    def judged(self):
        return self.p99 if self.goal_of_p99 else self.value

    @property
    def met(self):
        """None: it has no goal."""
        if self.at_most is not None:
            return self.judged <= self.at_most
        if self.at_least is not None:
            return self.judged >= self.at_least
        return None

    @property
    def goal(self):
        mark = " (p99)" if self.goal_of_p99 else ""
        if self.at_most is not None:
            return f"<= {self.at_most:g}{mark}"
        if self.at_least is not None:
            return f">= {self.at_least:g}{mark}"
        return ""

    @property
    def ratio(self):
        return self.value / self.baseline if self.baseline else None


class Figures:
    """All figures of a run."""

    def __init__(self):
        self.rows, self.parts_failed = [], {}

    def add(self, part, what, values, unit, **rest):
        """`values`: one number, or samples of which median and 99th percentile count."""
        p99 = None
        if isinstance(values, (list, tuple)):
            values, p99 = statistics.median(values), percentile(values, 0.99)
        row = Figure(part, what, float(values), unit, **{"p99": p99, **rest})
        self.rows.append(row)
        mark = {True: "ok", False: "MISSED", None: ""}[row.met]
        print(f"  {row.what:<66} {number(row.value):>9} {row.unit:<5} {row.goal} {mark}".rstrip(), flush=True)
        return row

    def failed(self, part, reason):
        """A part that came to no end."""
        self.parts_failed[part] = reason

    def table(self):
        """Lines of text, 150 columns wide."""
        lines = [f"{'figure':<66} {'value':>9} {'p99':>9} {'unit':<5} {'goal':>14} {'':<6} {'ratio':>6} {'baseline':>9}  of what"]
        part = None
        for row in self.rows:
            if row.part != part:
                part = row.part
                lines.append(f"-- {part}")
            mark = {True: "ok", False: "MISSED", None: ""}[row.met]
            lines.append(
                f"{row.what:<66} {number(row.value):>9} {number(row.p99):>9} {row.unit:<5} {row.goal:>14} {mark:<6} "
                f"{number(row.ratio):>6} {number(row.baseline):>9}  {row.baseline_of}".rstrip())
        lines += [f"-- {part}: FAILED: {reason}" for part, reason in self.parts_failed.items()]
        return lines

    def summary(self):
        goals = [row for row in self.rows if row.met is not None]
        missed = [row for row in goals if not row.met]
        text = f"{len(goals) - len(missed)} goals met, {len(missed)} missed"
        if self.parts_failed:
            text += f", {len(self.parts_failed)} parts failed"
        return "\n".join([text, *(f"  missed: {row.what}: {number(row.judged)} {row.unit}, goal {row.goal}" for row in missed)])

    @property
    def all_met(self):
        return not self.parts_failed and all(row.met is not False for row in self.rows)

    def write(self, path, about):
        rows = [{**asdict(row), "met": row.met, "ratio": row.ratio} for row in self.rows]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"about": about, "figures": rows, "failed": self.parts_failed}, indent=2) + "\n")


    def markdown(self):
        """The same for a page."""
        lines = ["| figure | value | p99 | goal | | baseline of the same run |", "|---|---|---|---|---|---|"]
        for row in self.rows:
            mark = {True: "ok", False: "**missed**", None: ""}[row.met]
            beside = f"{number(row.baseline)}: {row.baseline_of} (ratio {number(row.ratio)})" if row.baseline else ""
            p99 = f"{number(row.p99)} {row.unit}" if row.p99 is not None else ""
            lines.append(f"| {row.part}: {row.what} | {number(row.value)} {row.unit} | {p99} | {row.goal} | {mark} | {beside} |")
        return lines


def number(value):
    """Three digits that mean something."""
    if value is None:
        return ""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"
