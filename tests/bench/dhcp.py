"""A DHCP client as small as it can be (RFC 2131): DISCOVER out, OFFER in."""

import os
import socket
import struct
import time

from walkthrough.shell import Failed

from .clocks import now
from .spaces import open_socket

ETH_IP = 0x0800
COOKIE = bytes([99, 130, 83, 99])
OPTION_TYPE, DISCOVER, OFFER = 53, 1, 2
LIMIT = 20
RESEND = 0.01  # seconds; the first DISCOVER may come before the port's rules do


class Client:
    """On one interface of a namespace, which need not be there yet."""

    def __init__(self, namespace, ifname="eth0"):
        self.ifname, self.mac, self.bound = ifname, None, False
        # Of no protocol until it is bound: to take one away again costs an RCU grace period, some ten milliseconds.
        self.socket = open_socket(namespace, socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.settimeout(RESEND)

    def close(self):
        self.socket.close()

    def until_offered(self, limit=LIMIT):
        """Asks until an OFFER comes. Returns the moment it came, and the address."""
        deadline = now() + limit
        transaction = os.urandom(4)
        while now() < deadline:
            try:
                if not self.bound:
                    self.socket.bind((self.ifname, ETH_IP))
                    self.mac, self.bound = self.socket.getsockname()[4], True
                self.socket.send(discover(self.mac, transaction))
            except OSError:  # the interface is not there, or not up yet
                time.sleep(0.001)
                continue
            address = self._offer(transaction)
            if address:
                return now(), address
        raise Failed(f"no DHCP offer on {self.ifname} within {limit} s")

    def _offer(self, transaction):
        until = now() + RESEND
        while now() < until:
            try:
                frame = self.socket.recv(2048)
            except TimeoutError:
                return None
            address = offered(frame, transaction)
            if address:
                return address
        return None


def discover(mac, transaction):
    """The whole frame, to everybody from nobody."""
    options = COOKIE + bytes([OPTION_TYPE, 1, DISCOVER, 55, 2, 1, 3, 255])
    # BOOTREQUEST on Ethernet, with the broadcast flag.
    message = struct.pack("!4B4s2H16s16s192x", 1, 1, 6, 0, transaction, 0, 0x8000, bytes(16), mac) + options
    datagram = struct.pack("!4H", 68, 67, 8 + len(message), 0) + message
    packet = bytearray(struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(datagram), 0, 0, 64, 17, 0, bytes(4), b"\xff" * 4))
    packet[10:12] = struct.pack("!H", checksum(packet))
    return b"\xff" * 6 + mac + struct.pack("!H", ETH_IP) + bytes(packet) + datagram


def offered(frame, transaction):
    """The address of an OFFER of this transaction; None for anything else."""
    if len(frame) < 14 + 20 + 8 + 240 or frame[23] != 17:
        return None
    start = 14 + (frame[14] & 15) * 4
    if struct.unpack("!2H", frame[start:start + 4]) != (67, 68):
        return None
    message = frame[start + 8:]
    if message[4:8] != transaction or message[236:240] != COOKIE or message[240:243] != bytes([OPTION_TYPE, 1, OFFER]):
        return None
    return socket.inet_ntoa(message[16:20])


def checksum(data):
    """RFC 1071."""
    total = sum(struct.unpack(f"!{len(data) // 2}H", bytes(data[:len(data) // 2 * 2])))
    total += data[-1] << 8 if len(data) % 2 else 0
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
