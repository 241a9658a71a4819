"""Running programs, and failing with what was seen."""

import shlex
import subprocess
import time


class Failed(Exception):
    """A step did not do what it must; the text says what was expected and what was seen."""


class Done:
    """A program that has run."""

    def __init__(self, command, code, out, err):
        self.command, self.code, self.out, self.err = command, code, out, err

    def __str__(self):
        said = "\n".join(f"    {line}" for line in (self.out + self.err).strip().splitlines()[-120:])
        return f"$ {shlex.join(self.command)}\n{said}\n    [exit code {self.code}]"


def run(*command, env=None, deadline=120, stdin=None):
    """Runs a program to its end, whatever its exit code."""
    command = [str(word) for word in command]
    try:
        done = subprocess.run(command, env=env, input=stdin, capture_output=True, timeout=deadline, check=False)
    except subprocess.TimeoutExpired as error:
        out = (error.stdout or b"").decode(errors="replace")
        return Done(command, 124, out, f"(ended after {deadline} s)")
    return Done(command, done.returncode, done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace"))


def must(*command, **options):
    """Runs a program that has to succeed; returns what it printed."""
    done = run(*command, **options)
    if done.code != 0:
        raise Failed(f"this should have succeeded:\n{done}")
    return done.out


def expect(condition, text):
    if not condition:
        raise Failed(text)


def until(seconds, what, attempt):
    """Calls `attempt` until it returns something true. It may raise Failed meanwhile; the last reason is told."""
    deadline = time.monotonic() + seconds
    reason = ""
    while True:
        try:
            result = attempt()
            if result:
                return result
        except Failed as error:
            reason = f"; last: {error}"
        if time.monotonic() > deadline:
            raise Failed(f"waited {seconds} s for {what}{reason}")
        time.sleep(0.3)
