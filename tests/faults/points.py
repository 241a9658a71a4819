"""Maru is killed at every step that changes the store or the kernel, and comes back to what it acknowledged.

A pass is one life ([`life`]); in each of its steps Maru is killed once, at a chosen number of the sequence that
[`tracer`] counts. It is started again, the host must settle, everything acknowledged must be there and nothing else; then
the request that got no answer is repeated as a client would, and the life goes on.
"""

import os
import platform
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

from walkthrough import host
from walkthrough.shell import Failed, expect, must, until

from .api import Cut
from .life import NetworkLife, ServerLife
from .volume_life import VolumeLife
from .world import SETTLE

LIVES = (NetworkLife, ServerLife, VolumeLife)
# The bounded sample: so many passes through each life.
SAMPLE = {NetworkLife: 1, ServerLife: 1, VolumeLife: 1}


class Tracer:
    """A [`tracer`] process attached to Maru."""

    def __init__(self, pid, log, kill_at=0):
        self.log = Path(log)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "faults.tracer", str(pid), str(log), str(kill_at)], stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE)
        expect(self.process.stdout.readline() == b"attached\n", "the tracer could not attach")

    def end(self):
        """Lets Maru go on without it. Returns the steps that were seen, one a line."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(20)
        self.process.stdout.close()
        expect(code in (0, -signal.SIGTERM), f"the tracer ended with {code}")
        return self.log.read_text().splitlines()


class Run:
    """Kills in lives, and what was counted on the way."""

    def __init__(self, world):
        self.world = world
        self.log = world.cloud.work / "trace"
        self.kills, self.missed, self.lives = Counter(), 0, 0
        self.history = []

    def pass_through(self, kind, choose):
        """One life; `choose(step)` gives the number to kill at, 0 for none. Returns {step: what was seen in it}."""
        world = self.world
        self.lives += 1
        life = kind(world, f"life{self.lives}")
        before = world.traces()
        seen = {}
        for name, step in life.steps():
            seen[name] = self.one_step(life, name, step, choose(name))
        life.settled()
        life.check_ledger()

        def as_before():
            left = host.difference(before, world.traces())
            expect(not left, f"after {kind.__name__}, which removes all that it makes:\n" + "\n".join(left))
            return True
        until(SETTLE, "the host to be as before", as_before)
        return seen

    def one_step(self, life, name, step, kill_at):
        """A step, with a kill at its call of this number if it comes so far."""
        maru = self.world.cloud.process
        tracer = Tracer(maru.pid, self.log, kill_at)
        cut = False
        try:
            step(False)
            life.settled()
        except Cut:
            cut = True
        finally:
            seen = tracer.end()
        if cut:
            self.come_back(life, name, step, seen)
        elif maru.poll() is not None:
            # Everything was answered, and then it died: no request is to be repeated.
            self.come_back(life, name, None, seen)
        elif kill_at:
            self.missed += 1
        return seen

    def come_back(self, life, name, step, seen):
        world = self.world
        try:
            code = world.cloud.process.wait(20)
            expect(code == -signal.SIGKILL, f"maru ended by itself, with {code}")
            self.kills[seen[-1].split(":")[1].split()[0]] += 1
            self.history.append(f"life {self.lives}, '{name}', before step {seen[-1]}")
            expect(world.qemus().get(world.first) == world.first_pid, "the server died along with maru")
            world.cloud.start()
            life.settled()
            life.check_ledger()
            if step:
                step(True)
                life.settled()
            life.check_ledger()
            life.check_statuses()
            world.check_host()
        except (Cut, SystemExit) as error:
            raise Failed(str(error)) from error


def _seed():
    return int(os.environ.get("MARU_TEST_SEED", 0)) or random.SystemRandom().randrange(1, 1 << 32)


def crashes_at_steps(world, long, share=(1, 1)):
    """`kill -9` before single steps of the store and the kernel: what was acknowledged stays, nothing is left over"""
    if platform.machine() != "x86_64":
        print("    skipped: the tracer knows the system calls of x86_64 only")
        return
    run = Run(world)
    world.first_pid = world.qemus()[world.first]
    seed = _seed()
    chance = random.Random(seed)
    begun = time.monotonic()
    if not long:
        print(f"    seed {seed} (MARU_TEST_SEED repeats it)", flush=True)
    try:
        kill_everywhere(run, chance, long, share)
    except (Failed, OSError, LookupError):
        print("    killed so far, the last ones:\n        " + "\n        ".join(run.history[-30:]), flush=True)
        raise
    expect(sum(run.kills.values()), "no kill came about")
    print(f"    {sum(run.kills.values())} kills in {time.monotonic() - begun:.0f} s, {run.missed} points not reached: "
          + ", ".join(f"{call} {count}" for call, count in run.kills.most_common()), flush=True)


def kill_everywhere(run, chance, long, share):
    for kind in LIVES:
        counts = {name: len(seen) for name, seen in run.pass_through(kind, lambda _: 0).items()}
        print(f"    {kind.__name__}: {sum(counts.values())} steps: "
              + ", ".join(f"{name} {count}" for name, count in counts.items()), flush=True)
        if long:
            all_points(run, kind, counts, share)
        else:
            for _ in range(SAMPLE[kind]):
                run.pass_through(kind, lambda name, counts=counts: chance.randint(1, max(1, counts[name])))


def all_points(run, kind, counts, share):
    """Pass after pass, each one call further, until every step was gone through to its end; or every N-th pass of these."""
    which, of = share
    for number in range(which, max(counts.values()) + 1, of):
        run.pass_through(kind, lambda name, n=number: n if n <= counts[name] else 0)
        print(f"    {kind.__name__}: every step was cut short before its call {number}, {sum(run.kills.values())} kills so far",
              flush=True)
