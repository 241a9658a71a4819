"""Running programs, telling what goes on, and failing with a sentence."""

import os
import shutil
import subprocess
import sys
import time

_started = time.monotonic()

# All file times in the image: 2024-01-01T00:00:00Z unless the caller says otherwise.
EPOCH = int(os.environ.get("SOURCE_DATE_EPOCH", "1704067200"))


class BuildError(Exception):
    """What went wrong, in words for the person who runs the build."""


def say(text):
    """A line of progress, with the seconds since the start."""
    print(f"image: [{time.monotonic() - _started:5.1f}] {text}", flush=True)


def run(*command, stdin=None, cwd=None, env=None):
    """Runs a program and returns its stdout; its output is told when it fails."""
    done = subprocess.run(
        command, input=stdin, cwd=cwd, capture_output=True, check=False,
        env={**os.environ, "LC_ALL": "C", "TZ": "UTC", "SOURCE_DATE_EPOCH": str(EPOCH), **(env or {})},
    )
    if done.returncode != 0:
        output = (done.stderr + done.stdout).decode(errors="replace").strip()
        raise BuildError(f"'{' '.join(command)}' ended with {done.returncode}:\n{output}")
    return done.stdout


# Programs that the build calls, and the package of Debian that has each.
TOOLS = {
    "apt-get": "apt", "apt-cache": "apt", "dpkg-deb": "dpkg", "mkfs.ext4": "e2fsprogs", "debugfs": "e2fsprogs",
    "e2fsck": "e2fsprogs", "depmod": "kmod", "objcopy": "binutils", "readelf": "binutils", "lz4": "lz4",
    "mformat": "mtools", "mcopy": "mtools", "syslinux": "syslinux", "qemu-img": "qemu-utils",
}


def check_tools():
    """Names every missing tool with its package at once."""
    # mkfs and its kin are outside the PATH of ordinary users.
    os.environ["PATH"] += ":/usr/sbin:/sbin"
    missing = {tool: package for tool, package in TOOLS.items() if shutil.which(tool) is None}
    if missing:
        raise BuildError(
            "missing: " + ", ".join(f"{tool} (package {package})" for tool, package in missing.items())
            + "\ninstall with: apt-get install " + " ".join(sorted(set(missing.values())))
        )
    if os.uname().machine != "x86_64":
        raise BuildError(f"the guest is made for x86_64 on x86_64; this machine is {os.uname().machine}")


def fail(error):
    print(f"image: {error}", file=sys.stderr)
    sys.exit(1)
