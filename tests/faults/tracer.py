"""Follows a running Maru through all its threads, numbers the system calls that change something outside its memory, and
kills it before one of them.

    python3 -m faults.tracer PID LOG [NUMBER]

strace can kill at the n-th call, too, but counts each thread by itself, and Maru's work goes through short-lived threads.
Here there is one sequence: the store's writes, requests to the kernel over netlink, mounts, files made, renamed and
removed, taps, control groups, programs started, answers given. Each is a line in LOG when it is entered; the one of this
number is not carried out any more. Programs that Maru starts are not followed. x86_64 only.
"""

import ctypes
import os
import signal
import struct
import sys

# Numbers of x86_64 (asm/unistd_64.h).
CALLS = {
    1: "write", 16: "ioctl", 18: "pwrite64", 20: "writev", 44: "sendto", 46: "sendmsg", 56: "clone", 57: "fork", 58: "vfork",
    62: "kill", 74: "fsync", 75: "fdatasync", 77: "ftruncate", 82: "rename", 83: "mkdir", 84: "rmdir", 86: "link",
    87: "unlink", 90: "chmod", 91: "fchmod", 92: "chown", 93: "fchown", 94: "lchown", 165: "mount", 166: "umount2",
    257: "openat", 258: "mkdirat", 260: "fchownat", 263: "unlinkat", 264: "renameat", 268: "fchmodat", 272: "unshare",
    285: "fallocate", 308: "setns", 316: "renameat2", 424: "pidfd_send_signal", 435: "clone3",
}
BIRTHS = ("clone", "clone3", "fork", "vfork")
CREATE = 0o100
THREAD = 0x10000
TUN_FIRST, TUN_LAST = 0x400454C8, 0x400454FF

SEIZE, SYSCALL, INTERRUPT, LISTEN, GET_SYSCALL_INFO, GETEVENTMSG = 0x4206, 24, 0x4207, 0x4208, 0x420E, 0x4201
OPTIONS = 0x1 | 0x8  # TRACESYSGOOD | TRACECLONE: threads are followed, processes are not
EVENT_CLONE, EVENT_STOP = 3, 128
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
libc.ptrace.restype = ctypes.c_long


def ptrace(request, tid, address=0, data=0):
    """Whether it was done: a thread may be gone at any time."""
    return libc.ptrace(request, tid, address, data) >= 0


class Follower:
    """The tracer of one process."""

    def __init__(self, pid, log, kill_at):
        self.pid, self.log, self.kill_at = pid, log, kill_at
        self.number = 0
        self.info = ctypes.create_string_buffer(88)
        self.born = {}

    def attach(self):
        """All threads; those that are made meanwhile are seen by reading the list again."""
        known = set()
        while True:
            new = {int(name) for name in os.listdir(f"/proc/{self.pid}/task")} - known
            if not new:
                return
            for tid in new:
                ptrace(SEIZE, tid, 0, OPTIONS)
                ptrace(INTERRUPT, tid)
            known |= new

    def run(self):
        """Until the process is gone."""
        while True:
            try:
                tid, status = os.waitpid(-1, WALL)
            except ChildProcessError:
                return
            if not os.WIFSTOPPED(status):
                continue
            stop, event = os.WSTOPSIG(status), status >> 16
            if stop == signal.SIGTRAP | 0x80:
                self.at_call(tid)
                ptrace(SYSCALL, tid)
            elif event == EVENT_STOP and stop in (signal.SIGSTOP, signal.SIGTSTP, signal.SIGTTIN, signal.SIGTTOU):
                ptrace(LISTEN, tid)
            else:
                ptrace(SYSCALL, tid, 0, 0 if event else stop)

    def at_call(self, tid):
        """A thread enters or leaves a system call."""
        if libc.ptrace(GET_SYSCALL_INFO, tid, 88, ctypes.addressof(self.info)) <= 0:
            return
        entering = self.info.raw[0] == 1
        if not entering:
            # The program is born, and Maru knows nothing of it yet.
            what = self.born.pop(tid, None)
            if what:
                self.step(tid, f"{what} done")
            return
        number, *words = struct.unpack_from("7Q", self.info, 24)
        name = CALLS.get(number)
        if name is None:
            return
        detail = self.detail(tid, name, words)
        if detail is not None:
            self.step(tid, f"{name} {detail}")
            if name in BIRTHS:
                self.born[tid] = name

    def step(self, tid, what):
        self.number += 1
        try:
            with open(f"/proc/{self.pid}/task/{tid}/comm") as file:
                thread = file.read().strip()
        except OSError:
            thread = "?"
        self.log.write(f"{self.number} {thread}: {what}\n")
        if self.number == self.kill_at:
            os.kill(self.pid, signal.SIGKILL)

    def detail(self, tid, name, words):
        """What is done to what; None if nothing changes by it."""
        if name in ("write", "writev"):
            place = self.place(tid, words[0])
            # Standard output and error are the log; the rest of them wakes threads.
            told = words[0] > 2 and (place.startswith("/") or place.startswith("socket:")) and not place.startswith("/dev/")
            return place if told else None
        if name == "ioctl":
            return f"{words[1]:#x}" if TUN_FIRST <= words[1] <= TUN_LAST else None
        if name in ("clone", "fork", "vfork"):
            return "" if name != "clone" or not words[0] & THREAD else None
        if name == "clone3":
            flags = self.memory(tid, words[0], 8)
            return "" if flags and not struct.unpack("Q", flags)[0] & THREAD else None
        if name == "openat":
            return self.text(tid, words[1]) if words[2] & CREATE else None
        if name in ("sendto", "sendmsg"):
            return self.message(tid, name, words)
        if name in ("rename", "mkdir", "rmdir", "unlink", "chmod", "chown", "lchown", "link"):
            return self.text(tid, words[0])
        if name in ("mount", "mkdirat", "unlinkat", "renameat", "renameat2", "fchownat", "fchmodat"):
            return self.text(tid, words[1])
        if name == "umount2":
            return self.text(tid, words[0])
        if name in ("unshare", "setns", "kill", "pidfd_send_signal"):
            return ""
        return self.place(tid, words[0])

    def message(self, tid, name, words):
        """To netlink: which; what only asks is passed over. To anyone else: an answer, or a word to QEMU."""
        address = words[1]
        if name == "sendmsg":
            vector = struct.unpack("Q", self.memory(tid, words[1] + 16, 8) or bytes(8))[0]
            address = struct.unpack("Q", self.memory(tid, vector, 8) or bytes(8))[0]
        length, kind = struct.unpack("IH", self.memory(tid, address, 6) or bytes(6))
        # What begins with text or an address has larger numbers here.
        if not 16 <= length < 1 << 16:
            return "to " + self.place(tid, words[0])
        # RTM_GET…: each kind of thing has four, the third asks. Above 255 are other families: nftables, conntrack.
        return None if 16 <= kind < 256 and kind % 4 == 2 else f"netlink {kind}"

    def place(self, tid, fd):
        """What a descriptor leads to. Threads may have descriptors of their own."""
        try:
            return os.readlink(f"/proc/{self.pid}/task/{tid}/fd/{fd & 0xFFFFFFFF}")
        except OSError:
            return "?"

    def memory(self, tid, address, length):
        try:
            with open(f"/proc/{tid}/mem", "rb", buffering=0) as file:
                file.seek(address)
                return file.read(length)
        except (OSError, ValueError, OverflowError):
            return None

    def text(self, tid, address):
        # A page at a time: the text may end just before memory that is not there.
        found = self.memory(tid, address, 4096 - address % 4096) or b"?"
        return found.split(b"\0")[0].decode(errors="replace")


def main():
    pid, path, kill_at = int(sys.argv[1]), sys.argv[2], int(sys.argv[3]) if len(sys.argv) > 3 else 0
    with open(path, "w", buffering=1) as log:
        follower = Follower(pid, log, kill_at)
        # Asked to end, it lets the process go: the kernel detaches what a tracer leaves. At once, in the midst of anything.
        signal.signal(signal.SIGTERM, lambda *_: os._exit(0))
        follower.attach()
        print("attached", flush=True)
        follower.run()


if __name__ == "__main__":
    main()
