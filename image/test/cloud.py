"""A stand-in for a cloud's network in a namespace of its own: DHCP, router advertisements, metadata.

For testing the guest image only; it answers one server on one link. Run inside the namespace:
    cloud.py INTERFACE DIRECTORY [--no-dhcp | --dhcp-after=SECONDS] [--no-metadata] [--ipv4-only] [--ec2]
DIRECTORY holds meta_data.json and user_data. Each answer is printed with the seconds since the start.
"""

import argparse
import json
import socket
import struct
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

SERVER, GUEST = "172.31.0.1", "172.31.0.50"
STARTED = time.monotonic()


def tell(text):
    print(f"{time.monotonic() - STARTED:.2f} {text}", flush=True)


def dhcp_reply(request, kind):
    """An offer or acknowledgement with MTU 1400, a DNS server and classless routes (RFC 2131, 3442)."""
    options = bytes([53, 1, kind, 54, 4]) + socket.inet_aton(SERVER)
    options += bytes([51, 4]) + struct.pack(">I", 3600)
    options += bytes([1, 4, 255, 255, 255, 0, 3, 4]) + socket.inet_aton(SERVER)
    options += bytes([6, 4]) + socket.inet_aton("172.31.0.2") + bytes([26, 2]) + struct.pack(">H", 1400)
    routes = bytes([32, 169, 254, 169, 254]) + socket.inet_aton(SERVER)
    routes += bytes([24, 198, 51, 100]) + socket.inet_aton("172.31.0.3")
    routes += bytes([0]) + socket.inet_aton(SERVER)
    options += bytes([121, len(routes)]) + routes + b"\xff"
    head = struct.pack(">BBBB4sHH4s4s4s4s", 2, 1, 6, 0, request[4:8], 0, 0x8000, b"\0" * 4, socket.inet_aton(GUEST),
                       socket.inet_aton(SERVER), b"\0" * 4)
    return head + request[28:44] + bytes(192) + b"\x63\x82\x53\x63" + options


def serve_dhcp(interface, after):
    time.sleep(after)
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, interface.encode())
    server.bind(("", 67))
    while True:
        request = server.recv(2048)
        at, kind = 240, 0
        while at < len(request) and request[at] != 255:
            if request[at] == 53:
                kind = request[at + 2]
            at += 1 if request[at] == 0 else 2 + request[at + 1]
        if kind in (1, 3):
            tell({1: "DHCP discover", 3: "DHCP request"}[kind])
            server.sendto(dhcp_reply(request, 2 if kind == 1 else 5), ("255.255.255.255", 68))


def serve_router_advertisements(interface):
    """Prefix 2001:db8:31::/64 for SLAAC, MTU 1400, now and then (RFC 4861)."""
    server = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
    server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
    index = socket.if_nametoindex(interface)
    prefix = socket.inet_pton(socket.AF_INET6, "2001:db8:31::")
    body = struct.pack(">BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    body += struct.pack(">BBBBIII", 3, 4, 64, 0xC0, 86400, 14400, 0) + prefix + struct.pack(">BBHI", 5, 1, 0, 1400)
    while True:
        try:
            server.sendto(body, ("ff02::1", 0, 0, index))
        except OSError:
            pass  # the link is not up yet
        time.sleep(2)


class Metadata(BaseHTTPRequestHandler):
    """OpenStack's tree from the files, and EC2's from the same."""

    def do_GET(self):
        parts = [part for part in self.path.split("/") if part]
        document = json.loads((self.server.folder / "meta_data.json").read_text())
        answer = None
        if parts[:1] == ["openstack"] and not self.server.ec2_only:
            file = self.server.folder / parts[-1]
            answer = file.read_bytes() if parts[-1] in ("meta_data.json", "user_data") and file.exists() else None
        elif parts[:1] == ["latest"]:
            keys = list(document["public_keys"].items())
            tree = {"meta-data/instance-id": "i-00000001", "meta-data/hostname": document["hostname"],
                    "meta-data/local-ipv4": GUEST, "meta-data/public-ipv4": "",
                    "meta-data/public-keys": "\n".join(f"{n}={key[0]}" for n, key in enumerate(keys))}
            tree |= {f"meta-data/public-keys/{n}/openssh-key": key[1] for n, key in enumerate(keys)}
            answer = tree.get("/".join(parts[1:]))
            answer = None if answer is None else answer.encode()
        tell(f"GET {self.path} {'404' if answer is None else 200}")
        self.reply(answer)

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        tell(f"POST {self.path} {body.decode()}")
        self.reply(b"")

    def reply(self, answer):
        self.send_response(404 if answer is None else 200)
        self.send_header("Content-Length", str(len(answer or b"")))
        self.end_headers()
        self.wfile.write(answer or b"")

    def log_message(self, *_):
        pass


class Server6(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("interface")
    parser.add_argument("folder", type=Path)
    parser.add_argument("--no-dhcp", action="store_true")
    parser.add_argument("--dhcp-after", type=float, default=0)
    parser.add_argument("--no-metadata", action="store_true")
    parser.add_argument("--ipv4-only", action="store_true")
    parser.add_argument("--ec2", action="store_true")
    options = parser.parse_args()
    workers = [threading.Thread(target=serve_router_advertisements, args=[options.interface])]
    if not options.no_dhcp:
        workers.append(threading.Thread(target=serve_dhcp, args=[options.interface, options.dhcp_after]))
    if not options.no_metadata:
        index = socket.if_nametoindex(options.interface)
        servers = [ThreadingHTTPServer(("169.254.169.254", 80), Metadata)]
        if not options.ipv4_only:
            servers.append(Server6(("fe80::a9fe:a9fe", 80, 0, index), Metadata))
        for server in servers:
            server.folder, server.ec2_only = options.folder, options.ec2
            workers.append(threading.Thread(target=server.serve_forever))
    for worker in workers:
        worker.start()


main()
