"""The disk: a partition table, a FAT partition with syslinux, kernel and ramdisk, an ext4 root partition."""

import struct
from pathlib import Path

from .packages import find
from .run import EPOCH, BuildError, run

MIB = 1024 * 1024
BOOT_START, BOOT_SIZE = 1 * MIB, 19 * MIB
ROOT_START = BOOT_START + BOOT_SIZE
DISK_SIZE = 64 * MIB
ROOT_SIZE = DISK_SIZE - ROOT_START
ROOT_LABEL = "tiny-root"
# Fixed numbers, so that two builds give the same bytes.
ROOT_UUID = "7e1f4d1c-5a0e-4c55-9d0e-6d6172750001"
HASH_SEED = "7e1f4d1c-5a0e-4c55-9d0e-6d6172750002"
FAT_SERIAL = "6d617275"
DISK_SIGNATURE = 0x7572616D
# The root file system may grow to this: room for the descriptors is reserved now.
LARGEST_ROOT_BLOCKS = 1 << 28

SYSLINUX = """DEFAULT tiny
PROMPT 0
TIMEOUT 0
LABEL tiny
  KERNEL vmlinuz
  INITRD initrd
  APPEND {arguments}
"""


def write_ext4(path, tree):
    """An ext4 file system with the tree's content.

    The files are written by debugfs, in the order of their names, and every time and owner is set: so neither the
    builder's user nor the order of this machine's directories nor the hour shows in the result.
    """
    with open(path, "wb") as image:
        image.truncate(ROOT_SIZE)
    env = {"E2FSPROGS_FAKE_TIME": str(EPOCH)}
    run("mkfs.ext4", "-q", "-F", "-b", "4096", "-i", "16384", "-I", "256", "-m", "1", "-J", "size=4", "-L", ROOT_LABEL,
        "-U", ROOT_UUID, "-O", "metadata_csum,64bit,^orphan_file", "-E",
        f"hash_seed={HASH_SEED},lazy_itable_init=0,lazy_journal_init=0,nodiscard,root_owner=0:0,resize={LARGEST_ROOT_BLOCKS}",
        str(path), env=env)
    script = ["rmdir lost+found"]
    for entry in tree.listed():
        name = f"/{entry.path}"
        if entry.kind == "directory":
            script.append(f'mkdir "{name}"')
        elif entry.kind == "link":
            script.append(f'symlink "{name}" "{entry.target}"')
        else:
            script.append(f'write "{entry.source}" "{name}"')
    kinds = {"directory": 0o040000, "file": 0o100000, "link": 0o120000}
    for entry in tree.listed():
        name = f"/{entry.path}"
        script.append(f'sif "{name}" mode 0{kinds[entry.kind] | entry.mode:o}')
        for field, value in (("uid", entry.uid), ("gid", entry.gid), ("atime", f"@{EPOCH}"), ("mtime", f"@{EPOCH}"),
                             ("ctime", f"@{EPOCH}"), ("crtime", f"@{EPOCH}")):
            script.append(f'sif "{name}" {field} {value}')
    output = run("debugfs", "-w", "-f", "-", str(path), stdin="\n".join(script).encode() + b"\n", env=env).decode()
    wrong = [line for line in output.splitlines() if line and not line.startswith(("debugfs: ", "Allocated inode"))]
    if wrong:
        raise BuildError("debugfs could not write the root file system:\n" + "\n".join(wrong[:10]))
    run("e2fsck", "-fn", str(path), env=env)


def write_boot_partition(disk, vmlinuz, initrd, arguments, work):
    """FAT with syslinux: of the loaders tried, the one that costs an emulated processor least."""
    drive = f"{disk}@@{BOOT_START}"
    sectors = BOOT_SIZE // 512
    # -a would make mtools ask about files of the same name; the partition is new, so it never does.
    run("mformat", "-i", drive, "-T", str(sectors), "-h", "255", "-s", "63", "-H", str(BOOT_START // 512), "-c", "8",
        "-N", FAT_SERIAL, "-v", "TINYBOOT", "::")
    run("syslinux", "--offset", str(BOOT_START), "--install", str(disk))
    config = Path(work) / "syslinux.cfg"
    config.write_text(SYSLINUX.format(arguments=arguments))
    for source, name in ((vmlinuz, "vmlinuz"), (initrd, "initrd"), (config, "syslinux.cfg")):
        run("mcopy", "-i", drive, str(source), f"::{name}")


def write_partition_table(disk, mbr):
    """The boot code of syslinux and two primary partitions; the second is the last, so it can grow."""
    def entry(active, kind, start, size):
        # Addresses in cylinders, heads and sectors are out of use: the customary "look at the sector numbers".
        return struct.pack("<B3sB3sII", 0x80 if active else 0, b"\xfe\xff\xff", kind, b"\xfe\xff\xff", start // 512, size // 512)

    table = mbr[:440].ljust(440, b"\0") + struct.pack("<IH", DISK_SIGNATURE, 0)
    table += entry(True, 0x0E, BOOT_START, BOOT_SIZE) + entry(False, 0x83, ROOT_START, ROOT_SIZE)
    table += bytes(32) + b"\x55\xaa"
    with open(disk, "r+b") as image:
        image.write(table)


def build(output, tree, vmlinuz, initrd, arguments, work):
    """Writes the compressed qcow2 disk."""
    raw, root = Path(work) / "disk.raw", Path(work) / "root.ext4"
    with open(raw, "wb") as image:
        image.truncate(DISK_SIZE)
    write_boot_partition(raw, vmlinuz, initrd, arguments, work)
    mbr = find("/", "lib/syslinux/mbr/mbr.bin", "lib/SYSLINUX/mbr.bin")
    write_partition_table(raw, mbr.read_bytes())
    write_ext4(root, tree)
    with open(raw, "r+b") as image:
        image.seek(ROOT_START)
        image.write(root.read_bytes())
    run("qemu-img", "convert", "-c", "-f", "raw", "-O", "qcow2", "-o", "cluster_size=65536", str(raw), str(output))
