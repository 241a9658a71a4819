"""The initial ramdisk: a cpio archive of the "newc" kind (kernel: Documentation/driver-api/early-userspace/buffer-format.rst)."""

import gzip

from .run import EPOCH

# The applets that initramfs/init calls.
APPLETS = ["sh", "mount", "insmod", "dd", "cat", "ls", "usleep", "blockdev", "printf", "poweroff", "switch_root"]


class Archive:
    """Collects entries; numbers, times and owners are the same in every build."""

    def __init__(self):
        self.parts, self.inode = [], 0

    def _add(self, name, mode, data=b"", device=(0, 0)):
        self.inode += 1
        encoded = name.encode() + b"\0"
        fields = [self.inode, mode, 0, 0, 1, EPOCH, len(data), 0, 0, *device, len(encoded), 0]
        header = b"070701" + b"".join(b"%08X" % field for field in fields)
        for part in (header + encoded, data):
            self.parts.append(part + b"\0" * (-len(part) % 4))

    def directory(self, name):
        self._add(name, 0o040755)

    def file(self, name, data, mode=0o755):
        self._add(name, 0o100000 | mode, data)

    def link(self, name, target):
        self._add(name, 0o120777, target.encode())

    def character_device(self, name, mode, major, minor):
        self._add(name, 0o020000 | mode, device=(major, minor))

    def finish(self):
        self._add("TRAILER!!!", 0)
        return b"".join(self.parts)


def build(busybox, init, modules, order, late):
    """The compressed ramdisk. `modules` maps a name to its file, `order` and `late` list names."""
    archive = Archive()
    for name in ("bin", "dev", "proc", "sys", "root", "modules"):
        archive.directory(name)
    archive.character_device("dev/console", 0o600, 5, 1)
    archive.file("init", init.read_bytes())
    archive.file("bin/busybox", busybox.read_bytes())
    for applet in APPLETS:
        archive.link(f"bin/{applet}", "busybox")
    for name in [*order, *late]:
        archive.file(f"modules/{name}.ko", modules[name].read_bytes(), 0o644)
    for name, names in (("order", order), ("order.late", late)):
        archive.file(f"modules/{name}", "".join(f"{module}.ko\n" for module in names).encode(), 0o644)
    # "Faster" beats "smaller": the loader reads it once, the kernel unpacks it once.
    return gzip.compress(archive.finish(), 9, mtime=0)
