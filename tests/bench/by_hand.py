"""A server's QEMU, started once more without Maru: the same arguments, files and tap, a fresh disk."""

import fcntl
import json
import os
import re
import shutil
import struct
import subprocess
import tempfile
from pathlib import Path

from walkthrough.shell import must

from .spaces import within

TUNSETIFF = 0x400454CA
IFF_TAP, IFF_NO_PI, IFF_VNET_HDR = 0x0002, 0x1000, 0x4000


class Recipe:
    """What is needed to start it again, taken from the running process."""

    def __init__(self, pid):
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[:-1]
        self.words = [word.decode() for word in words]
        self.folder = Path(os.readlink(f"/proc/{pid}/cwd"))
        # QEMU has moved the file that it inherited to another number: it is the one outside its directory.
        (number,) = self._numbers(r"fd=(\d+),set=\d+")
        links = {os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir()}
        (path,) = (link for link in links if os.path.isfile(link) and not link.startswith(f"{self.folder}/"))
        self.files = {number: path}
        (self.tap,) = self._numbers(r"tap,.*\bfd=(\d+)")
        self.disks = {}
        for word in self.words:
            if word.startswith('{"') and '"node-name"' in word:
                self._note_disk(json.loads(word))

    def _numbers(self, pattern):
        found = (re.fullmatch(pattern, word) for word in self.words)
        return [int(match[1]) for match in found if match]

    def _note_disk(self, node):
        """A file below the server's directory: {name: (size, format and path of what is below)}."""
        name = node["file"]["filename"]
        if name.startswith("/dev/fdset/"):
            return
        seen = json.loads(must("qemu-img", "info", "-U", "--output", "json", self.folder / name))
        below = next((json.loads(word) for word in self.words
                      if word.startswith('{"') and f'"node-name":"{node.get("backing")}"' in word), None)
        if below:
            number = int(below["file"]["filename"].rpartition("/")[2])
            self.disks[name] = (seen["virtual-size"], below["driver"], self.files[number])
        else:
            self.disks[name] = None

    def prepare(self):
        """A directory with fresh disks."""
        folder = Path(tempfile.mkdtemp(prefix="maru-bench-"))
        for place in (self.folder / name for name in os.listdir(self.folder)):
            if place.is_dir():
                (folder / place.name).mkdir()
        for name, overlay in self.disks.items():
            if overlay:
                size, form, path = overlay
                must("qemu-img", "create", "-q", "-f", "qcow2", "-b", path, "-F", form, folder / name, size)
            else:
                shutil.copy(self.folder / name, folder / name)
        return folder

    def start(self, folder, namespace, tap):
        """The process. Its descriptors get the numbers that the arguments name."""
        opened = {number: os.open(path, os.O_RDONLY) for number, path in self.files.items()}
        opened[self.tap] = open_tap(namespace, tap)

        def place():
            # First out of each other's way, then to their places.
            high = {number: fcntl.fcntl(fd, fcntl.F_DUPFD, 500) for number, fd in opened.items()}
            for number, fd in high.items():
                os.dup2(fd, number, inheritable=True)

        try:
            with open(folder / "said", "wb") as said:
                return subprocess.Popen(self.words, cwd=folder, stdin=subprocess.DEVNULL, stdout=said, stderr=said,
                                        close_fds=False, preexec_fn=place, start_new_session=True)
        finally:
            for fd in opened.values():
                os.close(fd)


def open_tap(namespace, name):
    """The descriptor of a persistent tap that nobody holds."""
    def work():
        fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
        fcntl.ioctl(fd, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TAP | IFF_NO_PI | IFF_VNET_HDR))
        return fd
    return within(namespace, work)
