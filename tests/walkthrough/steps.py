"""The steps, in the order of the tutorial. Each takes the Story, and raises Failed when something is not as it must be."""

import hashlib
import ipaddress
import json
import os
import stat
from pathlib import Path

from . import host
from .shell import Failed, expect, run, until

# A boot under emulation on a busy machine of two cores takes this long at the most.
BOOT_SECONDS = 180
# For what must take effect at once; generous, because the machine may be busy.
SOON_SECONDS = 30
PREFIX6 = "fd31:172::/64"


class Story:
    """What the steps learn and hand on."""

    def __init__(self, cloud, image):
        self.cloud, self.image = cloud, Path(image)
        self.key = cloud.work / "key.pem"
        self.before = None
        self.network = self.router = self.server = self.port = None
        self.fixed_ip = self.fixed_ip6 = self.floating_ip = None

    @property
    def qdhcp(self):
        return f"qdhcp-{self.network['id']}"

    @property
    def qrouter(self):
        return f"qrouter-{self.router['id']}"

    def ssh(self, namespace, address, command, key=None, stdin=None):
        """Logs in from a namespace of the host and runs a command."""
        return host.inside(
            namespace, "ssh", "-i", key or self.key, "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "IdentitiesOnly=yes", "-o", "ConnectTimeout=5",
            f"cirros@{address}", command, deadline=30, stdin=stdin)

    def guest(self, command):
        """Runs a command in the server over its floating IP; it must succeed."""
        done = self.ssh(self.cloud.namespace, self.floating_ip, command)
        expect(done.code == 0, f"in the server:\n{done}")
        return done.out.strip()

    def console(self):
        return self.cloud.openstack("console", "log", "show", "vm1")


def start_the_cloud(story):
    """maru up; clouds.yaml is private and works; the first token."""
    story.before = host.snapshot()
    story.cloud.start()
    for name in ("clouds.yaml", "openrc"):
        mode = stat.S_IMODE(os.stat(story.cloud.state / name).st_mode)
        expect(mode == 0o600, f"{name} has mode {mode:o}, not 600")
    token = story.cloud.json("token", "issue")
    expect(token["project_id"] and token["expires"], f"odd token: {token}")
    names = {service["Name"] for service in story.cloud.json("catalog", "list")}
    expect(len(names) >= 4, f"catalog holds only {names}")


def second_instance_is_refused(story):
    """The same state directory twice: refused, with a sentence."""
    cloud = story.cloud
    done = run(cloud.program, "up", "--state-dir", cloud.state, "--listen", "127.0.0.1:0", "--host-netns", cloud.namespace, deadline=20)
    expect(done.code == 1, f"a second instance should end with 1:\n{done}")
    expect(done.err.strip(), "a second instance was refused without a word")


def create_network(story):
    """Network and subnet: pool, gateway, DHCP, DNS."""
    cloud = story.cloud
    story.network = cloud.json("network", "create", "net1")
    subnet = cloud.json(
        "subnet", "create", "subnet1", "--network", "net1", "--subnet-range", "172.31.0.0/24", "--gateway", "172.31.0.1", "--dhcp",
        "--allocation-pool", "start=172.31.0.20,end=172.31.0.200", "--dns-nameserver", "1.1.1.1")
    expect(subnet["allocation_pools"] == [{"start": "172.31.0.20", "end": "172.31.0.200"}], f"pool: {subnet['allocation_pools']}")
    expect(subnet["dns_nameservers"] == ["1.1.1.1"], f"DNS: {subnet['dns_nameservers']}")
    expect(subnet["enable_dhcp"] and subnet["gateway_ip"] == "172.31.0.1", f"subnet: {subnet}")
    listed = cloud.json("network", "list")
    expect({"net1", "public"} <= {network["Name"] for network in listed}, f"networks: {listed}")


def edit_the_pool(story):
    """The subnet's pool is changed afterwards."""
    cloud = story.cloud
    cloud.openstack("subnet", "set", "subnet1", "--no-allocation-pool", "--allocation-pool", "start=172.31.0.50,end=172.31.0.99")
    pools = cloud.json("subnet", "show", "subnet1")["allocation_pools"]
    expect(pools == [{"start": "172.31.0.50", "end": "172.31.0.99"}], f"pools after the change: {pools}")


def create_ipv6_subnet(story):
    """A second subnet, IPv6, where servers make their own addresses."""
    subnet = story.cloud.json(
        "subnet", "create", "subnet1-v6", "--network", "net1", "--ip-version", "6", "--subnet-range", PREFIX6,
        "--ipv6-ra-mode", "slaac", "--ipv6-address-mode", "slaac")
    expect(subnet["ipv6_address_mode"] == subnet["ipv6_ra_mode"] == "slaac", f"modes: {subnet}")


def create_keys(story):
    """A key pair that Nova makes (below microversion 2.92, RSA), and one that the client makes."""
    cloud = story.cloud
    _, _, answer = cloud.request("POST", "/compute/v2.1/os-keypairs", {"keypair": {"name": "nova-made"}})
    private = answer["keypair"]["private_key"]
    expect(private.startswith("-----BEGIN RSA PRIVATE KEY-----"), f"private key begins with {private[:40]!r}")
    story.key.write_text(private)
    story.key.chmod(0o600)
    done = run("ssh-keygen", "-y", "-f", story.key)
    expect(done.code == 0, f"ssh cannot read the key:\n{done}")
    made = answer["keypair"]["public_key"].split()[:2]
    expect(done.out.split()[:2] == made, "private and public key do not belong together")
    client_key = cloud.work / "client.pem"
    cloud.openstack("keypair", "create", "client-made", "--private-key", client_key)
    expect(client_key.stat().st_size > 0, "the client wrote no private key")
    shown = cloud.json("keypair", "list")
    expect({key["Name"] for key in shown} == {"nova-made", "client-made"}, f"keypairs: {shown}")


def upload_image(story):
    """The guest image goes up and comes back with the right digest."""
    cloud = story.cloud
    cloud.openstack("image", "create", "guest", "--disk-format", "qcow2", "--container-format", "bare", "--file", story.image)
    image = cloud.json("image", "show", "guest")
    digest = hashlib.sha512(story.image.read_bytes()).hexdigest()
    expect(image["status"] == "active", f"image is {image['status']}")
    expect(image["size"] == story.image.stat().st_size, f"size {image['size']}, not {story.image.stat().st_size}")
    found = image.get("os_hash_value") or image["properties"]["os_hash_value"]
    expect(found == digest, f"sha512 {found}, not {digest}")
    copy = cloud.work / "copy.qcow2"
    cloud.openstack("image", "save", "--file", copy, "guest")
    expect(copy.read_bytes() == story.image.read_bytes(), "the image that came back differs")
    copy.unlink()


def create_server(story):
    """A server from image, flavor, network and key: ACTIVE, with an address out of the edited pool."""
    cloud = story.cloud
    server = cloud.json("server", "create", "vm1", "--image", "guest", "--flavor", "m1.micro", "--network", "net1",
                        "--key-name", "nova-made", "--wait", deadline=300)
    expect(server["status"] == "ACTIVE", f"server is {server['status']}: {server.get('fault')}")
    story.server = server
    _learn_addresses(story)
    address = ipaddress.ip_address(story.fixed_ip)
    expect(ipaddress.ip_address("172.31.0.50") <= address <= ipaddress.ip_address("172.31.0.99"), f"{address} is not in the pool")
    expect(ipaddress.ip_address(story.fixed_ip6) in ipaddress.ip_network(PREFIX6), f"{story.fixed_ip6} is not in {PREFIX6}")
    shown = cloud.json("server", "show", "vm1")["addresses"]["net1"]
    expect(set(shown) == {story.fixed_ip, story.fixed_ip6}, f"addresses of the server: {shown}")


def _learn_addresses(story):
    ports = story.cloud.json("port", "list", "--server", "vm1")
    expect(len(ports) == 1, f"the server has ports {ports}")
    story.port = ports[0]
    found = [entry["ip_address"] for entry in ports[0]["Fixed IP Addresses"]]
    story.fixed_ip = next(address for address in found if "." in address)
    story.fixed_ip6 = next(address for address in found if ":" in address)


def create_router(story):
    """A router with its gateway in "public", and a leg in both subnets."""
    cloud = story.cloud
    story.router = cloud.json("router", "create", "router-walk")
    cloud.openstack("router", "set", "router-walk", "--external-gateway", "public")
    cloud.openstack("router", "add", "subnet", "router-walk", "subnet1")
    cloud.openstack("router", "add", "subnet", "router-walk", "subnet1-v6")
    shown = cloud.json("router", "show", "router-walk")
    outside = [entry["ip_address"] for entry in shown["external_gateway_info"]["external_fixed_ips"]]
    expect(any(address.startswith("172.24.4.") for address in outside), f"gateway addresses: {outside}")
    story.gateway6 = next(address for address in outside if ":" in address)


def hard_reboot(story):
    """A hard reboot; the server keeps its address and boots to a login prompt, told by its console log."""
    cloud = story.cloud
    # One such line a boot; the log goes on over a reboot. So the second one is of the boot that is meant.
    until(BOOT_SECONDS, "the end of the first boot", lambda: story.console().count("] ready") == 1)
    cloud.openstack("server", "reboot", "--hard", "--wait", "vm1", deadline=300)
    former = (story.fixed_ip, story.fixed_ip6)
    _learn_addresses(story)
    expect((story.fixed_ip, story.fixed_ip6) == former, f"addresses changed from {former} to {story.fixed_ip}, {story.fixed_ip6}")
    until(BOOT_SECONDS, "the end of the second boot", lambda: story.console().count("] ready") == 2)
    console = story.console()
    for line in (f"IP {story.fixed_ip}/24 by DHCP", "metadata: ", "ssh key installed", "hostname: vm1", "DNS 1.1.1.1"):
        expect(line in console, f"the console log lacks '{line}':\n{console[-3000:]}")


def namespaces_of_the_tutorial(story):
    """`ip netns` lists qdhcp-… and qrouter-…; in the router, qg-… and qr-… have their addresses."""
    listed = host.namespaces()
    expect({story.qdhcp, story.qrouter} <= listed, f"ip netns lists {sorted(listed)}")
    legs = host.addresses(story.qrouter)
    outside = [a for name, found in legs.items() if name.startswith("qg-") for a in found]
    inside = [a for name, found in legs.items() if name.startswith("qr-") for a in found]
    expect(any(a.startswith("172.24.4.") for a in outside), f"addresses in the router's namespace: {legs}")
    expect("172.31.0.1/24" in inside, f"addresses in the router's namespace: {legs}")
    expect(f"{ipaddress.ip_network(PREFIX6)[1]}/64" in inside, f"addresses in the router's namespace: {legs}")


def ping_is_silent(story):
    """Before any rule: no answer on the host, and none in the router's namespace, though the server is up."""
    expect(not host.ping(story.cloud.namespace, story.fixed_ip, count=2), "the host got an answer from the fixed IP")
    expect(not host.ping(story.qrouter, story.fixed_ip, count=3), "the router's namespace got an answer before any rule")
    expect(not host.ping(story.qrouter, story.fixed_ip6, count=2), "an answer over IPv6 before any rule")
    # The router itself is there: it answers for its own leg.
    expect(host.ping(story.qrouter, "172.31.0.1"), "the router's own address does not answer")


def reach(story, *words, lang="C"):
    """`maru reach` of the server, by the demo user: (exit code, its answer as a value, or as it is printed in a language)."""
    program = [story.cloud.program, "reach", "--state-dir", story.cloud.state, "--user", "demo", "--to", "vm1", *words]
    if lang != "C":
        return run("env", f"LC_ALL={lang}", *program)
    done = run(*program, "--json")
    return done.code, json.loads(done.out) if done.out.startswith("{") else {}


def causes(answer):
    return [blocker["code"] for blocker in answer["blockers"]]


def reach_explains_the_silence(story):
    """`maru reach` says why each ping was silent, in both languages, and what mends it."""
    code, answer = reach(story, "--from", "host", "--which", "fixed")
    expect(code == 1 and causes(answer) == ["FIXED_IP_FROM_OUTSIDE"], f"from the host: {answer}")
    for words in ((), ("--ip-version", "6")):
        code, answer = reach(story, "--from", "router", "--which", "fixed", *words)
        expect(code == 1 and causes(answer) == ["SG_NO_INGRESS_RULE"] and answer["opens"], f"from the router: {answer}")
        command = answer["blockers"][0]["fix"]["commands"][0]
        expect(command.startswith("openstack security group rule create "), f"the fix: {command}")
    done = reach(story, "--from", "router", "--which", "fixed", lang="ko_KR.UTF-8")
    expect("보안 그룹에 이 패킷을 허용하는 수신 규칙이 없습니다" in done.out, f"in Korean:\n{done}")
    print("     " + "\n     ".join(str(done).splitlines()))


def reach_says_what_the_packets_say(story):
    """The tutorial's matrix: from the host and from the router, by both addresses, as ping and ssh have just seen it."""
    _, answer = reach(story, "--matrix")
    rows = {row["from"]: {name: trial["verdict"] for name, trial in row["trials"].items()} for row in answer["matrix"]}
    for place, namespace in (("host", story.cloud.namespace), ("router", story.qrouter)):
        for trial, address in (("ping_fixed", story.fixed_ip), ("ping_floating", story.floating_ip)):
            seen = "reachable" if host.ping(namespace, address, count=2) else "blocked"
            expect(rows[place][trial] == seen, f"{trial} from the {place}: {rows[place][trial]}, and a real one: {seen}")
        expect(rows[place]["ssh"] == "reachable", f"ssh from the {place}: {rows[place]}")


def add_rules(story):
    """Rules "All ICMP" and "All TCP", IPv4 and IPv6: now ping answers from the router's namespace."""
    cloud = story.cloud
    story.rules = [
        cloud.json("security", "group", "rule", "create", "default", *words)["id"]
        for words in (("--protocol", "icmp"), ("--protocol", "tcp", "--dst-port", "1:65535"),
                      ("--ethertype", "IPv6", "--protocol", "ipv6-icmp"),
                      ("--ethertype", "IPv6", "--protocol", "tcp", "--dst-port", "1:65535"))]
    until(SOON_SECONDS, "ping from the router's namespace", lambda: host.ping(story.qrouter, story.fixed_ip))


def ssh_inside_the_router(story):
    """ssh to the fixed IP from inside the router's namespace."""
    done = until(SOON_SECONDS, "ssh to the fixed IP", lambda: _good(story.ssh(story.qrouter, story.fixed_ip, "hostname")))
    expect(done.out.strip() == "vm1", f"the server calls itself {done.out!r}")


def _good(done):
    if done.code != 0:
        raise Failed(str(done))
    return done


def floating_ip(story):
    """A floating IP from "public": the host's ping answers, and ssh logs in."""
    cloud = story.cloud
    story.floating_ip = cloud.json("floating", "ip", "create", "public")["floating_ip_address"]
    expect(story.floating_ip.startswith("172.24.4."), f"floating IP {story.floating_ip}")
    cloud.openstack("server", "add", "floating", "ip", "vm1", story.floating_ip)
    until(SOON_SECONDS, "ping of the floating IP from the host", lambda: host.ping(cloud.namespace, story.floating_ip))
    done = until(SOON_SECONDS, "ssh over the floating IP", lambda: _good(
        story.ssh(cloud.namespace, story.floating_ip, "hostname; id -un; sudo id -un")))
    print("     " + "\n     ".join(str(done).splitlines()))
    expect(done.out.split() == ["vm1", "cirros", "root"], f"in the server: {done.out!r}")
    shown = cloud.json("server", "show", "vm1")["addresses"]["net1"]
    expect(story.floating_ip in shown, f"addresses of the server: {shown}")


def inside_the_server(story):
    """What the server sees: metadata, DNS, its address, the way out through the router."""
    base = "http://169.254.169.254/latest/meta-data"
    expect(story.guest(f"curl -s {base}/local-ipv4") == story.fixed_ip, "metadata: local-ipv4")
    expect(story.guest(f"curl -s {base}/public-ipv4") == story.floating_ip, "metadata: public-ipv4")
    expect(story.server["id"] in story.guest("curl -s http://169.254.169.254/openstack/latest/meta_data.json"), "metadata: uuid")
    expect("nameserver 1.1.1.1" in story.guest("cat /etc/resolv.conf"), "DNS server of the subnet")
    expect("default via 172.31.0.1" in story.guest("ip route"), "default route")
    story.guest("ping -c 2 -w 10 172.31.0.1")
    story.guest("ping -c 2 -w 10 172.24.4.1")


def ipv6(story):
    """IPv6: from the router's namespace, and from the host over the provider's IPv6."""
    until(SOON_SECONDS, "ping over IPv6 from the router's namespace", lambda: host.ping(story.qrouter, story.fixed_ip6))
    expect(story.fixed_ip6 in story.guest("ip -6 addr show dev eth0"), "the server did not take the address that its port has")
    name = story.cloud.namespace
    until(SOON_SECONDS, "the router's IPv6 address on the host", lambda: host.ping(name, story.gateway6))
    _good(host.inside(name, "ip", "-6", "route", "replace", PREFIX6, "via", story.gateway6))
    until(SOON_SECONDS, "ping over IPv6 from the host", lambda: host.ping(name, story.fixed_ip6))
    done = until(SOON_SECONDS, "ssh over IPv6", lambda: _good(story.ssh(name, story.fixed_ip6, "hostname")))
    expect(done.out.strip() == "vm1", f"over IPv6: {done}")


def take_a_rule_away(story):
    """Without the ICMP rule ping falls silent again, ssh goes on; with it, ping is back."""
    cloud = story.cloud
    cloud.openstack("security", "group", "rule", "delete", story.rules[0])
    until(SOON_SECONDS, "silence without the rule", lambda: not host.ping(cloud.namespace, story.floating_ip))
    expect(story.guest("hostname") == "vm1", "ssh without the ICMP rule")
    code, answer = reach(story)
    expect(code == 1 and causes(answer)[0].startswith("SG_"), f"without the rule: {answer}")
    # What it offers is made, and does what it says.
    code, answer = reach(story, "--fix")
    expect(code == 0 and answer["verdict"] == "reachable", f"after the fix: {answer}")
    until(SOON_SECONDS, "ping with the rule", lambda: host.ping(cloud.namespace, story.floating_ip))
    listed = cloud.json("security", "group", "rule", "list", "default", "--protocol", "icmp", "--ingress")
    story.rules[0] = next(rule["ID"] for rule in listed if rule["Ethertype"] == "IPv4")


def pull_the_plug(story):
    """kill -9 of Maru: the server runs on with its network; after `maru up`, behind HTTPS from now on, nothing was lost."""
    cloud = story.cloud
    uptime = float(story.guest("cut -d' ' -f1 /proc/uptime"))
    cloud.kill()
    expect(host.ping(cloud.namespace, story.floating_ip, count=2), "the server lost its network when Maru was killed")
    expect(story.guest("hostname") == "vm1", "ssh while Maru was dead")
    cloud.start(tls="auto")
    expect("cacert: " in (cloud.state / "clouds.yaml").read_text(), "clouds.yaml names no authority")
    expect(cloud.json("server", "show", "vm1")["status"] == "ACTIVE", "the server is not ACTIVE after the restart")
    expect(host.ping(cloud.namespace, story.floating_ip, count=2), "the server lost its network when Maru came back")
    expect(float(story.guest("cut -d' ' -f1 /proc/uptime")) > uptime, "the server was restarted")


def mend(story):
    """Somebody deletes the router's namespace: it is made again, and the floating IP answers."""
    run("ip", "netns", "del", story.qrouter)
    until(SOON_SECONDS, "the namespace to be back", lambda: story.qrouter in host.namespaces())
    until(SOON_SECONDS, "ping of the floating IP", lambda: host.ping(story.cloud.namespace, story.floating_ip))


def volume(story):
    """A volume is made, comes to the running server as a disk that keeps what is written, grows there, and goes."""
    cloud = story.cloud
    cloud.openstack("volume", "create", "--size", "1", "vol1")
    status = lambda: cloud.json("volume", "show", "vol1")["status"]
    until(SOON_SECONDS, "the volume to be available", lambda: status() == "available")
    cloud.openstack("server", "add", "volume", "vm1", "vol1")
    until(SOON_SECONDS, "the volume to be in use", lambda: status() == "in-use")
    sectors = lambda: story.guest("cat /sys/block/vdb/size 2>/dev/null || echo 0")
    until(SOON_SECONDS, "the disk in the server", lambda: sectors() == str(2 << 20))
    expect(story.guest("sudo head -c 65536 /dev/vdb | tr -d '\\0' | wc -c") == "0", "a new volume shows old data")
    story.guest("echo kept | sudo dd of=/dev/vdb bs=512 conv=sync,notrunc 2>/dev/null; sync")
    refused = cloud.client("volume", "delete", "vol1")
    expect(refused.code != 0, "a volume in use must not go")
    cloud.openstack("--os-volume-api-version", "3.42", "volume", "set", "--size", "2", "vol1")
    until(SOON_SECONDS, "the disk to grow in the server", lambda: sectors() == str(4 << 20))
    cloud.openstack("server", "remove", "volume", "vm1", "vol1")
    until(SOON_SECONDS, "the volume to be free", lambda: status() == "available")
    until(SOON_SECONDS, "the disk to leave the server", lambda: sectors() == "0")
    cloud.openstack("server", "add", "volume", "vm1", "vol1")
    until(SOON_SECONDS, "the disk to be back", lambda: sectors() == str(4 << 20))
    expect(story.guest("sudo head -c 4 /dev/vdb") == "kept", "what was written is gone")
    cloud.openstack("server", "remove", "volume", "vm1", "vol1")
    until(SOON_SECONDS, "the volume to be free again", lambda: status() == "available")
    cloud.openstack("volume", "delete", "vol1")
    until(SOON_SECONDS, "the volume to go", lambda: cloud.json("volume", "list") == [])
    left = list((cloud.state / "volumes").iterdir())
    expect(left == [], f"left over: {left}")


def trunk(story):
    """A second network comes to the running server through its one port, under a VLAN tag, and goes again."""
    cloud = story.cloud
    network = cloud.json("network", "create", "net2")
    cloud.openstack("subnet", "create", "subnet2", "--network", "net2", "--subnet-range", "172.31.2.0/24", "--gateway", "none")
    port = cloud.json("port", "create", "sub1", "--network", "net2")
    address = port["fixed_ips"][0]["ip_address"]
    cloud.openstack("network", "trunk", "create", "trunk1", "--parent-port", story.port["ID"],
                    "--subport", "port=sub1,segmentation-type=vlan,segmentation-id=100")
    status = lambda: cloud.json("network", "trunk", "show", "trunk1")["status"]
    until(SOON_SECONDS, "the trunk to be active", lambda: status() == "ACTIVE")
    # What a person would do: a device for the VLAN, with the subport's address, which DHCP tells.
    lease = '[ "$1" != bound ] || ip address add "$ip/$mask" dev "$interface"'
    story.guest(f"printf '#!/bin/sh\\n%s\\n' '{lease}' >/tmp/lease && chmod +x /tmp/lease && sudo modprobe 8021q && "
                "sudo ip link add link eth0 name eth0.100 type vlan id 100 && "
                f"sudo ip link set eth0.100 address {port['mac_address']} up && "
                "sudo udhcpc -n -q -t 9 -T 1 -i eth0.100 -s /tmp/lease >/dev/null")
    expect(f"{address}/24" in story.guest("ip -4 -o address show eth0.100"), f"DHCP gave the VLAN's device another address than {address}")
    inside = f"qdhcp-{network['id']}"
    until(SOON_SECONDS, "ping over the VLAN", lambda: host.ping(inside, address))
    # Much at once: segmentation and checksums are left to the host's and the guest's cards.
    much = bytes(range(256)) * 30_000
    back = story.ssh(inside, address, "cat >/tmp/much; sha256sum /tmp/much; cat /tmp/much >&2", stdin=much)
    expect(back.out.split()[:1] == [hashlib.sha256(much).hexdigest()], f"what came over the VLAN is another: {back.out}")
    expect(len(back.err) == len(much.decode(errors="replace")), f"{len(back.err)} characters came back over the VLAN")
    refused = cloud.client("port", "delete", "sub1")
    expect(refused.code != 0 and "trunk" in refused.out + refused.err, f"a subport must not go:\n{refused}")
    cloud.openstack("network", "trunk", "unset", "--subport", "sub1", "trunk1")
    until(SOON_SECONDS, "silence over the VLAN", lambda: not host.ping(inside, address))
    story.guest("sudo ip link delete eth0.100")
    cloud.openstack("network", "trunk", "delete", "trunk1")
    cloud.openstack("port", "delete", "sub1")
    cloud.openstack("network", "delete", "net2")
    until(SOON_SECONDS, "its namespace to go", lambda: inside not in host.namespaces())
    expect(host.ping(cloud.namespace, story.floating_ip), "without the trunk the server is silent")


def stop_and_start(story):
    """A clean stop and a start."""
    cloud = story.cloud
    cloud.openstack("server", "stop", "vm1")
    until(120, "SHUTOFF", lambda: cloud.json("server", "show", "vm1")["status"] == "SHUTOFF")
    expect(not host.ping(cloud.namespace, story.floating_ip), "a stopped server answers")
    cloud.openstack("server", "start", "vm1")
    until(BOOT_SECONDS, "ssh after the start", lambda: _good(story.ssh(cloud.namespace, story.floating_ip, "hostname")))


def delete_everything(story):
    """What was made is deleted again, the last thing first; what is in use is refused with a reason."""
    cloud = story.cloud
    refused = cloud.client("network", "delete", "net1")
    expect(refused.code != 0 and "in use" in refused.out + refused.err, f"a network in use must not go:\n{refused}")
    cloud.openstack("server", "remove", "floating", "ip", "vm1", story.floating_ip)
    until(SOON_SECONDS, "silence without the floating IP", lambda: not host.ping(cloud.namespace, story.floating_ip))
    cloud.openstack("floating", "ip", "delete", story.floating_ip)
    cloud.openstack("server", "delete", "--wait", "vm1")
    for subnet in ("subnet1", "subnet1-v6"):
        cloud.openstack("router", "remove", "subnet", "router-walk", subnet)
    cloud.openstack("router", "unset", "router-walk", "--external-gateway")
    cloud.openstack("router", "delete", "router-walk")
    cloud.openstack("network", "delete", "net1")
    cloud.openstack("security", "group", "rule", "delete", *story.rules)
    cloud.openstack("keypair", "delete", "nova-made", "client-made")
    cloud.openstack("image", "delete", "guest")
    for words in (("server", "list"), ("keypair", "list"), ("floating", "ip", "list")):
        expect(cloud.json(*words) == [], f"openstack {' '.join(words)} is not empty")
    gone = {story.qdhcp, story.qrouter}
    until(SOON_SECONDS, "the namespaces to go", lambda: not gone & host.namespaces())
    until(SOON_SECONDS, "QEMU to go", lambda: not [
        line for line in host.processes(str(cloud.state)).values() if "qemu" in line.split(" ")[0]])


def purge(story):
    """maru stops on SIGTERM; `maru purge` leaves the machine as it was."""
    cloud = story.cloud
    # What it has on this machine now, so that nothing else is taken for it.
    names = host.neighbours(cloud.namespace) | {story.qdhcp, story.qrouter}
    mark = host.owner_of(cloud.namespace)
    cloud.stop()
    cloud.purge()
    left = host.traces(story.before, names, (cloud.namespace, str(cloud.work), mark))
    expect(not left, "not as before:\n  " + "\n  ".join(left))
    expect(not cloud.state.exists(), f"{cloud.state} is still there: {sorted(cloud.state.iterdir()) if cloud.state.exists() else ''}")
    running = host.processes(str(cloud.work))
    expect(not running, f"still running: {running}")


STEPS = [
    start_the_cloud, second_instance_is_refused, create_network, edit_the_pool, create_ipv6_subnet, create_keys, upload_image,
    create_server, create_router, hard_reboot, namespaces_of_the_tutorial, ping_is_silent, reach_explains_the_silence, add_rules,
    ssh_inside_the_router, floating_ip, reach_says_what_the_packets_say, inside_the_server, ipv6, take_a_rule_away, pull_the_plug, mend,
    volume, trunk, stop_and_start, delete_everything, purge,
]
