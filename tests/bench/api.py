"""The API against the simulated host: measured by a program of its own (crates/maru/examples/bench), whose client costs
less than what it measures."""

import json
import os
import signal
import subprocess
import tempfile
from pathlib import Path

from walkthrough.shell import Failed

PART = "API, simulated host"
LIMIT = 300
# Whose baseline is which other row.
HASH = ("token by password", "the hash of a password")
SYNC = ("create ", "a 4 KiB write and sync")


def measure(bench):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "api.json"
        run(bench.options, folder, path)
        rows = json.loads(path.read_text())
    for row in rows:
        bench.add(PART, row["what"], row["value"], row["unit"], **(row["goal"] or {}), **baseline(row, rows))


def run(options, folder, path):
    """The program and the clouds that it starts are one process group, which ends with it; their files are in `folder`."""
    with open(Path(folder) / "said", "w+b") as said:
        process = subprocess.Popen([options.examples / "bench", "--maru", options.maru, "--json", path],
                                   stdout=said, stderr=said, env={**os.environ, "TMPDIR": folder}, start_new_session=True)
        try:
            code = process.wait(LIMIT)
        finally:
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # all of it has ended
            process.wait()
        if code != 0:
            said.seek(0)
            raise Failed(f"the program ended with {code}:\n{said.read().decode(errors='replace')}")


def baseline(row, rows):
    for what, beside in (HASH, SYNC):
        if row["what"].startswith(what):
            other = next(each for each in rows if each["what"].startswith(beside))
            return {"baseline": other["value"], "baseline_of": other["what"]}
    return {}
