"""The machine as the cloud finds and leaves it."""

import json
import os
import re
import signal
from pathlib import Path

from .shell import Failed, must, run


def inside(namespace, *command, **options):
    """Runs a program in a named network namespace, as the tutorial does."""
    return run("nsenter", f"--net=/run/netns/{namespace}", *command, **options)


def namespaces():
    """Names as `ip netns` lists them."""
    return {line.split()[0] for line in must("ip", "netns").splitlines() if line.strip()}


def neighbours(namespace):
    """The namespaces that can be reached from one over veth pairs, itself included."""
    found, queue = set(), [namespace]
    while queue:
        name = queue.pop()
        if name not in found:
            found.add(name)
            queue += re.findall(r"link-netns (\S+)", inside(name, "ip", "link").out)
    return found


def owner_of(namespace):
    """The id of the cloud that a namespace belongs to: it stands in the alias of each neighbour's loopback link, and the
    cgroups bear it, too."""
    for name in sorted(neighbours(namespace)):
        found = re.search(r"alias maru:(\S+)", inside(name, "ip", "-d", "link", "show", "lo").out)
        if found:
            return found[1]
    raise Failed(f"no namespace next to {namespace} tells which cloud it belongs to")


def addresses(namespace):
    """{interface: [address/length, ...]} in a namespace."""
    done = inside(namespace, "ip", "-j", "addr")
    if done.code != 0:
        raise Failed(str(done))
    return {link["ifname"]: [f"{a['local']}/{a['prefixlen']}" for a in link["addr_info"]] for link in json.loads(done.out)}


def ping(namespace, address, count=1, wait=1):
    """Whether at least one answer came back."""
    return inside(namespace, "ping", "-n", "-c", count, "-W", wait, "-i", "0.2", address).code == 0


def processes(text):
    """{pid: command line} of processes whose command line, working directory or open files mention the text."""
    found = {}
    for path in Path("/proc").iterdir():
        if not path.name.isdigit() or int(path.name) == os.getpid():
            continue
        try:
            line = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
            places = [os.readlink(path / "cwd")] + [os.readlink(entry) for entry in (path / "fd").iterdir()]
        except OSError:
            continue  # it ended meanwhile, or is a kernel thread
        if text in line or any(text in place for place in places):
            found[int(path.name)] = line
    return found


def kill(pids):
    for pid in pids:
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass


def _below(*roots, depth):
    """Paths below some directories, not deeper than `depth` levels, on the same file system."""
    found = set()
    for root in roots:
        for folder, folders, files in os.walk(root):
            level = len(Path(folder).parts) - len(Path(root).parts)
            if level >= depth:
                folders.clear()
            found.update(os.path.join(folder, name) for name in (*folders, *files))
    return found


def snapshot():
    """What a cloud may leave behind, by kind. All of it must be as before when the cloud was removed."""
    rules = run("nft", "list", "ruleset").out
    return {
        "network namespace": namespaces(),
        "link": {link["ifname"] for link in json.loads(must("ip", "-j", "link"))},
        "address": set(re.findall(r"inet6? (\S+)", must("ip", "addr"))),
        "route": set(must("ip", "route").splitlines()) | set(must("ip", "-6", "route").splitlines()),
        "nft rule": {line.strip() for line in rules.splitlines() if not re.search(r"counter|handle", line)},
        "mount": {line.split()[1] for line in Path("/proc/mounts").read_text().splitlines()},
        "user": set(Path("/etc/passwd").read_text().splitlines()),
        "group": set(Path("/etc/group").read_text().splitlines()),
        "cgroup": {path for path in _below("/sys/fs/cgroup", depth=4) if os.path.isdir(path)},
        "file": _below("/run", "/etc", "/usr/local", "/var/lib", "/var/log", "/dev/shm", depth=2),
        "forwarding": {f"{path} {Path(path).read_text().strip()}" for path in (
            "/proc/sys/net/ipv4/ip_forward", "/proc/sys/net/ipv6/conf/all/forwarding")},
    }


def difference(before, after):
    """Lines such as "link left: br-ex" or "route gone: …"; empty when nothing differs."""
    lines = []
    for kind, old in before.items():
        lines += [f"{kind} left: {item}" for item in sorted(after[kind] - old)]
        lines += [f"{kind} gone: {item}" for item in sorted(old - after[kind])]
    return lines


def traces(before, names, marks):
    """What a removed cloud has left, as lines. In continuous integration every difference counts; elsewhere other things
    happen on the machine, other clouds among them, so a difference counts if it may come from this cloud: its namespaces
    had these names, and the rest of it bears one of these marks."""
    lines = difference(before, snapshot())
    return lines if os.environ.get("CI") else [line for line in lines if _may_come_from(line, names, marks)]


def _may_come_from(line, names, marks):
    kind, _, item = line.partition(" left: ")
    if kind in ("network namespace", "mount") or item.startswith("/run/netns/"):
        return Path(item).name in names
    return any(mark in item for mark in marks)
