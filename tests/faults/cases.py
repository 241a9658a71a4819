"""The cases, in order. Each leaves the world as it found it: one running server called `first`."""

import os
import signal
import threading
import time

from walkthrough import host
from walkthrough.shell import expect, must, until

from .api import Cut
from .world import SETTLE, log_says


def deleted_names_come_back(world):
    """`ip netns del` of a network's and a router's namespace: the names are there again, the server never noticed"""
    for name in (world.qdhcp, world.qrouter):
        must("ip", "netns", "del", name)
        until(SETTLE, f"{name} to be back", lambda wanted=name: wanted in host.namespaces())
    until(SETTLE, "the server to answer", world.arp_answers)
    log_says(world, "mended")


def a_deleted_bridge_comes_back(world):
    """`ip link del br0` in the network's namespace"""
    expect(host.inside(world.qdhcp, "ip", "link", "del", "br0").code == 0, "br0 could not be deleted")
    until(SETTLE, "the server to answer", world.arp_answers)


def a_flushed_ruleset_comes_back(world):
    """`nft flush ruleset` in both namespaces"""
    for name in (world.qdhcp, world.qrouter):
        before = host.inside(name, "nft", "list", "tables").out
        expect(before.strip(), f"{name} had no tables")
        host.inside(name, "nft", "flush", "ruleset")
        until(SETTLE, f"the rules of {name}", lambda n=name, b=before: host.inside(n, "nft", "list", "tables").out == b)


def a_deleted_leg_comes_back(world):
    """the router's `qr-` and `qg-` devices deleted"""
    links = [name for name in host.addresses(world.qrouter) if name[:3] in ("qr-", "qg-")]
    expect(len(links) == 2, f"legs: {links}")
    for link in links:
        host.inside(world.qrouter, "ip", "link", "del", link)
        until(SETTLE, f"{link} to be back", lambda wanted=link: host.addresses(world.qrouter).get(wanted))


def namespaces_deleted_while_maru_is_down_come_back(world):
    """both namespaces deleted while Maru is down: the same process of the server is on the new network"""
    before = world.qemus()
    world.crash()
    for name in (world.qdhcp, world.qrouter):
        must("ip", "netns", "del", name)
    world.start()
    until(SETTLE, "the server to answer", world.arp_answers)
    expect(world.qemus() == before, f"processes before {before}, after {world.qemus()}")


def a_killed_qemu_is_started_again(world):
    """`kill -9` of a server's QEMU"""
    before = world.qemus()[world.first]
    os.kill(before, signal.SIGKILL)
    until(SETTLE, "another process", lambda: world.qemus().get(world.first) not in (None, before))
    world.until_status(world.first, "ACTIVE")
    until(120, "the guest to answer again", world.arp_answers)


def a_server_outlives_maru(world):
    """`kill -9` of Maru: the server keeps running and answering meanwhile, and is found again"""
    before = world.qemus()
    world.crash()
    expect(world.arp_answers(), "the server does not answer while Maru is down")
    world.start()
    world.until_status(world.first, "ACTIVE")
    expect(world.qemus() == before, f"processes before {before}, after {world.qemus()}")
    expect(world.arp_answers(), "the server does not answer after Maru's return")
    world.check_no_orphans()


def _crash_during(world, work, delay):
    """Runs `work` and kills Maru `delay` seconds after it began. Returns its result, or None if it was cut off."""
    outcome = []

    def request():
        try:
            outcome.append(work())
        except Cut:
            pass

    worker = threading.Thread(target=request)
    worker.start()
    time.sleep(delay)
    world.crash()
    worker.join()
    world.start()
    return outcome[0] if outcome else None


def crashes_during_creation_lose_and_leave_nothing(world, delays):
    """`kill -9` at moments of a server's creation: what was answered exists and runs, what was not leaves nothing half-made"""
    for delay in delays:
        made = _crash_during(
            world, lambda: world.api.create_server("crash", world.image, world.network, world.flavor), delay)
        if made:
            expect(world.api.server(made), f"server {made} was acknowledged and is lost (killed after {delay} s)")
        for server in world.api.servers():
            world.until_status(server["id"], "ACTIVE")
        world.check_no_orphans()
        _delete_others(world)


def crashes_during_deletion_lose_and_leave_nothing(world, delays):
    """`kill -9` at moments of a server's deletion: it is deleted in the end, with everything of it"""
    for delay in delays:
        victim = world.api.create_server("victim", world.image, world.network, world.flavor)
        world.until_status(victim, "ACTIVE")

        def delete(identity=victim):
            world.api.ask("DELETE", f"/compute/v2.1/servers/{identity}")
            return True

        if not _crash_during(world, delete, delay):
            world.api.send("DELETE", f"/compute/v2.1/servers/{victim}")
        world.until_gone(victim)
        world.check_no_orphans()


def _delete_others(world):
    others = [server["id"] for server in world.api.servers() if server["id"] != world.first]
    for identity in others:
        world.api.ask("DELETE", f"/compute/v2.1/servers/{identity}")
    for identity in others:
        world.until_gone(identity)


def a_reboot_restores_power_states(world):
    """everything but the disk gone: the running server runs again, the stopped one stays stopped"""
    stopped = world.api.create_server("stopped", world.image, world.network, world.flavor)
    world.until_status(stopped, "ACTIVE")
    world.api.ask("POST", f"/compute/v2.1/servers/{stopped}/action", {"os-stop": None})
    world.until_status(stopped, "SHUTOFF", 150)
    world.pull_the_plug()
    world.start()
    world.until_status(world.first, "ACTIVE")
    world.until_status(stopped, "SHUTOFF")
    until(120, "the guest to answer after the reboot", world.arp_answers)
    world.check_no_orphans()
    _delete_others(world)


def a_second_instance_is_refused(world):
    """`maru up` on a state directory in use says who has it"""
    from walkthrough.shell import run
    done = run(world.cloud.program, "up", "--state-dir", world.cloud.state, "--listen", "127.0.0.1:0",
               "--host-netns", world.cloud.namespace, deadline=60)
    expect(done.code == 1 and "in use" in done.out + done.err, f"a second instance was not refused:\n{done}")


def purge_leaves_nothing(world):
    """`maru purge`: namespaces, links, rules, processes, users, groups, cgroups and files are as before"""
    # What it has on this machine now, so that nothing else is taken for it.
    names = host.neighbours(world.cloud.namespace) | {world.qdhcp, world.qrouter}
    world.cloud.stop()
    world.cloud.purge()
    until(SETTLE, "the processes to be gone", lambda: not world.qemus())
    left = host.traces(world.before, names, (world.cloud.namespace, str(world.cloud.work), world.owner))
    expect(not left, "purge left a trace:\n" + "\n".join(left))


SHORT = (0.0, 0.01, 0.05, 0.3)
LONG = tuple(n * 0.02 for n in range(60))
