"""The content of the root file system: the scripts of image/rootfs, programs and libraries from packages."""

import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .packages import find
from .run import BuildError, run

# Programs taken from packages. Where busybox has one of the same name, these win.
PROGRAMS = [
    "usr/sbin/dropbear", "usr/bin/dropbearkey", "usr/bin/dbclient", "usr/bin/sudo", "sbin/mke2fs", "sbin/e2fsck",
    "sbin/resize2fs", "sbin/mkfs.fat", "bin/lsblk", "sbin/blkid", "usr/lib/openssh/sftp-server",
]
# Loaded at run time, so no program names them.
PLUGINS = ["usr/libexec/sudo/sudoers.so", "usr/libexec/sudo/libsudo_util.so.0", "lib/x86_64-linux-gnu/security/pam_permit.so",
           "lib/x86_64-linux-gnu/security/pam_deny.so"]

# Everything that is not root's, or not 0755 / 0644 as in the project's tree.
OWNERS = {"home/cirros": (1000, 1000), "home/cirros/.ssh": (1000, 1000)}
MODES = {
    "usr/bin/busybox": 0o4755, "usr/bin/sudo": 0o4755, "etc/shadow": 0o600, "etc/sudoers": 0o440, "root": 0o700,
    "home/cirros/.ssh": 0o700, "tmp": 0o1777, "var/tmp": 0o1777,
}
DIRECTORIES = ["dev", "proc", "sys", "run", "tmp", "mnt", "media", "root", "home/cirros/.ssh", "etc/dropbear", "var/log", "var/tmp",
               "var/lib/tiny", "var/empty", "usr/share", "opt", "srv"]
LINKS = {
    # One directory for all programs, so that every customary path leads to them.
    "bin": "usr/bin", "sbin": "usr/bin", "usr/sbin": "bin", "lib": "usr/lib", "lib64": "usr/lib64", "var/run": "/run",
    "var/lock": "/run/lock", "etc/mtab": "/proc/self/mounts", "usr/bin/mkfs.ext2": "mke2fs", "usr/bin/mkfs.ext3": "mke2fs",
    "usr/bin/mkfs.ext4": "mke2fs", "usr/bin/mkfs.vfat": "mkfs.fat", "usr/bin/fsck.ext4": "e2fsck", "usr/bin/ssh": "dbclient",
    # Where dropbear looks for it, for sftp and for scp of today.
    "usr/lib/sftp-server": "openssh/sftp-server",
}


@dataclass
class Entry:
    """One file of the guest. `source` is a path on this machine, `target` a link's text."""

    path: str
    kind: str  # "file", "directory" or "link"
    mode: int = 0o755
    uid: int = 0
    gid: int = 0
    source: Path | None = None
    target: str = ""


class Tree:
    """The guest's files by path, parents first when listed."""

    def __init__(self):
        self.entries = {}

    def directory(self, path):
        for parent in [*reversed(Path(path).parents), Path(path)]:
            name = str(parent)
            if name != "." and name not in self.entries:
                uid, gid = OWNERS.get(name, (0, 0))
                self.entries[name] = Entry(name, "directory", MODES.get(name, 0o755), uid, gid)

    def file(self, path, source):
        self.directory(str(Path(path).parent))
        executable = Path(source).stat().st_mode & 0o100
        mode = MODES.get(path, 0o755 if executable else 0o644)
        self.entries[path] = Entry(path, "file", mode, source=Path(source))

    def link(self, path, target):
        self.directory(str(Path(path).parent))
        self.entries[path] = Entry(path, "link", 0o777, target=target)

    def listed(self):
        return [self.entries[path] for path in sorted(self.entries)]


def _needed(path):
    """Libraries that an ELF file names, and its interpreter."""
    text = run("readelf", "-dlW", str(path)).decode()
    return re.findall(r"\(NEEDED\).*\[(.+?)\]", text)


def _add_libraries(tree, packages, programs):
    """Every library that the programs need, directly or through another."""
    queue, done = list(programs), set()
    while queue:
        for name in _needed(queue.pop()):
            if name in done:
                continue
            done.add(name)
            source = find(packages, f"lib/x86_64-linux-gnu/{name}", f"lib64/{name}", f"libexec/sudo/{name}").resolve()
            home = "usr/lib/x86_64-linux-gnu"
            tree.file(f"{home}/{name}", source)
            queue.append(source)
    loader = find(packages, "lib/x86_64-linux-gnu/ld-linux-x86-64.so.2", "lib64/ld-linux-x86-64.so.2").resolve()
    tree.file("usr/lib64/ld-linux-x86-64.so.2", loader)


def _canonical(path):
    """A packaged path as the guest has it: all programs in usr/bin, libraries below usr/lib."""
    path = re.sub(r"^(usr/)?s?bin/", "usr/bin/", str(path))
    return re.sub(r"^lib/", "usr/lib/", path)


def build(packages, modules, overlay, release):
    """The guest's tree from unpacked packages, a module directory and the scripts of the project."""
    tree = Tree()
    for path in DIRECTORIES:
        tree.directory(path)
    for path, target in LINKS.items():
        tree.link(path, target)
    busybox = find(packages, "bin/busybox")
    tree.file("usr/bin/busybox", busybox)
    for applet in subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split():
        if applet not in ("busybox", "linuxrc"):
            tree.entries.setdefault(f"usr/bin/{applet}", Entry(f"usr/bin/{applet}", "link", 0o777, target="busybox"))
    sources = []
    for path in PROGRAMS + PLUGINS:
        source = find(packages, path).resolve()
        tree.file(_canonical(path), source)
        sources.append(source)
    _add_libraries(tree, packages, sources)
    for path in sorted(modules.iterdir()):
        tree.file(f"usr/lib/modules/{release}/{path.name}", path)
    for path in sorted(overlay.rglob("*")):
        if path.is_file():
            tree.file(str(path.relative_to(overlay)), path)
    missing = [name for name in ("sh", "ip", "awk", "wget", "udhcpc", "uevent", "timeout") if f"usr/bin/{name}" not in tree.entries]
    if missing:
        raise BuildError(f"busybox-static lacks {', '.join(missing)}")
    return tree
