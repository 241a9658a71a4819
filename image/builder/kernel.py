"""The kernel: the image as packaged, the ELF file inside it, and the few modules that the guest needs."""

import shutil
import struct
from pathlib import Path

from .run import BuildError, run

# Loaded by the ramdisk, always, and when there is no virtio disk.
BOOT_MODULES = ["virtio_pci", "virtio_blk", "virtio_net"]
LATE_BOOT_MODULES = ["virtio_scsi", "ata_piix", "sd_mod", "nvme"]
# On the root file system besides those: CD-ROM, power button, FAT, VLANs ...
ROOT_MODULES = ["sr_mod", "isofs", "vfat", "nls_cp437", "nls_ascii", "nls_iso8859_1", "button", "evdev", "8021q", "virtio_rng",
                "virtio_balloon", "virtio_console"]


class Modules:
    """The modules of an unpacked kernel package, by name, with what each depends on."""

    def __init__(self, tree, release):
        self.release = release
        base = Path(tree) / "lib/modules"
        if not base.is_dir():
            base = Path(tree) / "usr/lib/modules"
        self.base = base / release
        self.files = {}
        for path in self.base.rglob("*.ko*"):
            self.files[path.name.split(".ko")[0].replace("-", "_")] = path
        builtin = (self.base / "modules.builtin").read_text().split()
        self.builtin = {Path(line).name.split(".ko")[0].replace("-", "_") for line in builtin}

    def depends(self, name):
        """Modules that must be loaded before this one, from its own .modinfo section."""
        info = run("objcopy", "-O", "binary", "--only-section=.modinfo", "--set-section-flags", ".modinfo=alloc",
                   str(self.plain(name)), "/dev/stdout")
        for entry in info.split(b"\0"):
            if entry.startswith(b"depends=") and len(entry) > 8:
                return [part.replace("-", "_") for part in entry[8:].decode().split(",")]
        return []

    def plain(self, name):
        """The module's file; unpacked first where the distribution compresses modules."""
        path = self.files[name]
        tool = {".xz": "xz", ".zst": "zstd", ".gz": "gzip"}.get(path.suffix)
        if tool:
            run(tool, "-dqf", str(path))
            path = path.with_suffix("")
            self.files[name] = path
        return path

    def order(self, wanted):
        """The modules and all they need, each after what it needs. Built-in ones fall out."""
        ordered = []

        def visit(name):
            if name in self.builtin or name in ordered:
                return
            if name not in self.files:
                raise BuildError(f"the kernel {self.release} has no module {name}")
            for other in self.depends(name):
                visit(other)
            ordered.append(name)

        for name in wanted:
            visit(name)
        return ordered

    def stripped(self, name, into):
        """A copy without type information and signature: a third of the size, and quicker to load."""
        target = Path(into) / f"{name}.ko"
        if not target.exists():
            run("objcopy", "--strip-debug", "--remove-section=.BTF", "--remove-section=.note*", str(self.plain(name)),
                str(target))
        return target

    def install(self, names, into):
        """A /lib/modules tree with just these modules, ready for modprobe."""
        root = Path(into) / "lib/modules" / self.release
        root.mkdir(parents=True)
        for name in names:
            self.stripped(name, root)
        shutil.copy(self.base / "modules.builtin", root)
        shutil.copy(self.base / "modules.order", root)
        run("depmod", "-b", str(into), self.release)
        # modprobe of busybox reads the plain text forms only.
        keep = {"modules.dep", "modules.alias", "modules.symbols"}
        for path in root.iterdir():
            if path.suffix != ".ko" and path.name not in keep:
                path.unlink()
        return root


def release_of(tree):
    """The kernel's release string, as the module directory is named."""
    for base in ("lib/modules", "usr/lib/modules"):
        found = sorted((Path(tree) / base).glob("*/modules.order"))
        if found:
            return found[0].parent.name
    raise BuildError("no kernel modules in the fetched packages")


def extract_vmlinux(vmlinuz, into):
    """Unpacks the ELF kernel (with its PVH entry point) from a bzImage, see the kernel's
    Documentation/arch/x86/boot.rst: setup_sects at 0x1f1, payload_offset at 0x248."""
    image = Path(vmlinuz).read_bytes()
    if image[0x1FE:0x200] != b"\x55\xaa" or image[0x202:0x206] != b"HdrS":
        raise BuildError(f"{vmlinuz} is not a kernel image")
    setup_sectors = image[0x1F1] or 4
    offset, length = struct.unpack_from("<II", image, 0x248)
    start = (setup_sectors + 1) * 512 + offset
    payload = image[start:start + length]
    tools = {b"\x02\x21\x4c\x18": "lz4", b"\x28\xb5\x2f\xfd": "zstd", b"\x1f\x8b": "gzip", b"\xfd7zX": "xz"}
    for magic, tool in tools.items():
        if payload.startswith(magic):
            # The unpacked length stands behind the compressed data.
            unpacked = run(tool, "-dc", stdin=payload[:-4])
            Path(into).write_bytes(unpacked)
            return
    raise BuildError(f"{vmlinuz} is compressed in a way that this builder does not know")
