"""Network namespaces of the bench: they stand for servers, with legs on the cloud's ports."""

import ctypes
import os
import socket
import subprocess
import threading

from walkthrough import host
from walkthrough.shell import must, run

CLONE_NEWNET = 0x40000000
PREFIX = f"mb{os.getpid()}-"
_libc = ctypes.CDLL(None, use_errno=True)


def within(namespace, work):
    """Runs `work` on a thread that is inside a named namespace; returns what it returns. Sockets it opens stay inside."""
    outcome = {}

    def body():
        try:
            descriptor = os.open(f"/run/netns/{namespace}", os.O_RDONLY)
            try:
                if _libc.setns(descriptor, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), f"setns {namespace}")
            finally:
                os.close(descriptor)
            outcome["value"] = work()
        except BaseException as error:  # passed on to the caller below
            outcome["error"] = error

    thread = threading.Thread(target=body)
    thread.start()
    thread.join()
    if "error" in outcome:
        raise outcome["error"]
    return outcome["value"]


def open_socket(namespace, *arguments):
    """`socket.socket(...)` inside a namespace."""
    return within(namespace, lambda: socket.socket(*arguments))


def create(name):
    """A namespace of ours, without IPv6: its announcements would be noise. Returns its full name."""
    name = PREFIX + name
    must("ip", "netns", "add", name)

    def settle():
        for key in ("all", "default"):
            with open(f"/proc/sys/net/ipv6/conf/{key}/disable_ipv6", "w", encoding="ascii") as file:
                file.write("1")

    within(name, settle)
    must("ip", "-n", name, "link", "set", "lo", "up")
    return name


def delete(name):
    run("ip", "netns", "del", name)


def delete_all():
    """Whatever is left of this run. Never raises."""
    for name in host.namespaces():
        if name.startswith(PREFIX):
            delete(name)


def batch(lines, namespace=None):
    """Many commands of `ip` in one process."""
    where = ["-n", namespace] if namespace else []
    done = subprocess.run(["ip", *where, "-batch", "-"], input="\n".join(lines) + "\n", text=True, capture_output=True, check=False)
    if done.returncode:
        raise OSError(f"ip -batch: {done.stdout}{done.stderr}")
