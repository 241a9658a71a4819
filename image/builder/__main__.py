"""The steps of the build, from packages to files. Run by build.sh."""

import argparse
import hashlib
import json
import os
import shutil
import sys
import tempfile
from pathlib import Path

from . import disk, kernel, packages, ramdisk, rootfs
from .run import EPOCH, BuildError, check_tools, fail, run, say

HERE = Path(__file__).resolve().parent.parent
FILES = ["tiny.qcow2", "tiny.vmlinuz", "tiny.vmlinux", "tiny.initrd"]

# quiet: each line on an emulated serial port costs; cryptomgr.notests: half a second of self tests; mitigations=off:
# a test guest has no secrets; tsc, timer: no calibration; the rest silences what a guest does not need.
ARGUMENTS = ("console=ttyS0 quiet cryptomgr.notests mitigations=off audit=0 apparmor=0 tsc=reliable no_timer_check "
             "rcupdate.rcu_expedited=1 panic=10")


def fingerprint():
    """A digest of everything in this directory that shapes the image."""
    digest = hashlib.sha256(f"{EPOCH}".encode())
    for folder in ("builder", "initramfs", "rootfs"):
        for path in sorted((HERE / folder).rglob("*")):
            if path.is_file() and "__pycache__" not in path.parts:
                mode = path.stat().st_mode & 0o100
                digest.update(f"\0{path.relative_to(HERE)}\0{mode}\0".encode() + path.read_bytes())
    return digest.hexdigest()


def up_to_date(output, key):
    manifest = output / "tiny.json"
    try:
        return json.loads(manifest.read_text())["inputs"] == key and all((output / name).exists() for name in FILES)
    except (OSError, ValueError, KeyError):
        return False


def build(output, key, work):
    versions = packages.fetch(packages.resolve(), work)
    unpacked = work / "tree"

    release = kernel.release_of(unpacked)
    say(f"kernel {release}")
    vmlinuz = packages.find(unpacked, f"boot/vmlinuz-{release}")
    new = work / "new"
    new.mkdir()
    shutil.copy(vmlinuz, new / "tiny.vmlinuz")
    kernel.extract_vmlinux(vmlinuz, new / "tiny.vmlinux")

    modules = kernel.Modules(unpacked, release)
    boot = modules.order(kernel.BOOT_MODULES)
    late = [name for name in modules.order(kernel.LATE_BOOT_MODULES) if name not in boot]
    everything = modules.order([*boot, *late, *kernel.ROOT_MODULES])
    installed = modules.install(everything, work / "modules")
    say(f"{len(boot)} drivers in the ramdisk, {len(everything)} on disk")

    busybox = packages.find(unpacked, "bin/busybox")
    files = {name: installed / f"{name}.ko" for name in everything}
    (new / "tiny.initrd").write_bytes(ramdisk.build(busybox, HERE / "initramfs/init", files, boot, late))
    tree = rootfs.build(unpacked, installed, HERE / "rootfs", release)
    say(f"root file system with {len(tree.entries)} entries")
    disk.build(new / "tiny.qcow2", tree, new / "tiny.vmlinuz", new / "tiny.initrd", ARGUMENTS, work)

    sums = {name: hashlib.sha256((new / name).read_bytes()).hexdigest() for name in FILES}
    manifest = {"inputs": key, "kernel": release, "arguments": ARGUMENTS, "packages": versions, "sha256": sums}
    (new / "tiny.json").write_text(json.dumps(manifest, indent=1, sort_keys=True) + "\n")
    # The manifest goes last: a build that was cut off is not taken for a whole one.
    for name in [*FILES, "tiny.json"]:
        os.chmod(new / name, 0o644)
        os.replace(new / name, output / name)
        say(f"{output / name}: {(output / name).stat().st_size / 1e6:.1f} MB")


def main():
    parser = argparse.ArgumentParser(
        prog="image/build.sh", description="Builds the tiny guest image from Debian packages.",
        epilog="example: image/build.sh target/image")
    parser.add_argument("output", nargs="?", default=str(HERE.parent / "target/image"), help="directory (default: %(default)s)")
    parser.add_argument("--force", action="store_true", help="build even if nothing changed, with the newest packages")
    options = parser.parse_args()
    output = Path(options.output).resolve()
    try:
        output.mkdir(parents=True, exist_ok=True)
        key = fingerprint()
        if not options.force and up_to_date(output, key):
            say(f"{output / 'tiny.qcow2'} is up to date")
            return
        check_tools()
        # Beside the output, so that the finished files only need renaming.
        with tempfile.TemporaryDirectory(prefix=".build-", dir=output) as work:
            build(output, key, Path(work))
    except (BuildError, OSError) as error:
        fail(error)


if __name__ == "__main__":
    sys.exit(main())
