"""Fetches Debian packages and unpacks them, without installing anything."""

import re
from pathlib import Path

from .run import BuildError, run, say

# Kernels of small virtual machines: Debian's, Ubuntu's.
KERNELS = ["linux-image-cloud-amd64", "linux-image-virtual"]

# What the guest takes programs from; the libraries they need are found by following "Depends".
PROGRAMS = ["busybox-static", "dropbear-bin", "sudo", "e2fsprogs", "dosfstools", "util-linux", "openssh-sftp-server"]


def _dependencies(packages):
    """{package: [what it depends on]} for the packages and all below them. One call: each takes apt a second or two."""
    text = run("apt-cache", "depends", "--recurse", "--no-recommends", "--no-suggests", "--no-conflicts", "--no-breaks",
               "--no-replaces", "--no-enhances", *packages).decode()
    depends, current = {}, []
    for line in text.splitlines():
        if not line.startswith((" ", "<")):
            current = depends.setdefault(line.strip(), [])
        elif found := re.match(r" +\|?(?:Pre)?Depends: ([^<\s]+)$", line):
            current.append(found[1])
    return depends


def resolve():
    """The names of all packages to fetch: kernel, programs, and the libraries below the programs.

    Of the dependencies only libraries are followed: the rest (debconf, perl) serves installation scripts, which are
    never run.
    """
    known = set(run("apt-cache", "pkgnames").decode().split())
    meta = next((name for name in KERNELS if name in known), None)
    unknown = [name for name in PROGRAMS if name not in known]
    if meta is None or unknown:
        raise BuildError(f"apt does not know {', '.join(unknown) or ' or '.join(KERNELS)}; "
                         "run 'apt-get update' (as root) and try again")
    depends = _dependencies([meta, *PROGRAMS])
    wanted, queue = set(), [*PROGRAMS, meta]
    while queue:
        package = queue.pop()
        if package in wanted:
            continue
        wanted.add(package)
        if package.startswith("linux-"):
            queue += [name for name in depends[package] if re.match(r"linux-(image|modules)-\d", name)]
        else:
            queue += [name for name in depends[package] if re.match(r"z?lib", name)]
    wanted.remove(meta)
    if not any(name.startswith("linux-image-") for name in wanted):
        raise BuildError(f"the package {meta} names no kernel image")
    return sorted(wanted)


def fetch(packages, into):
    """Downloads the packages and unpacks all into one tree. Returns {package: version}."""
    archives, tree = into / "archives", into / "tree"
    archives.mkdir(parents=True)
    tree.mkdir()
    say(f"fetching {len(packages)} packages")
    run("apt-get", "download", "-q", "-o", "APT::Sandbox::User=root", *packages, cwd=archives)
    versions = {}
    for archive in sorted(archives.glob("*.deb")):
        run("dpkg-deb", "-x", str(archive), str(tree))
        name, version = run("dpkg-deb", "-f", str(archive), "Package", "Version").decode().split("\n")[:2]
        versions[name.removeprefix("Package: ")] = version.removeprefix("Version: ")
    return versions


def find(tree, *candidates):
    """The first of the paths that is in the unpacked tree."""
    for candidate in candidates:
        for prefix in ("", "usr/"):
            path = Path(tree) / (prefix + candidate)
            if path.exists():
                return path
    raise BuildError(f"none of {', '.join(candidates)} is in the fetched packages")
