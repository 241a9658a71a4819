"""ICMP echo at a short interval: when does an address begin to answer, and when does it cease."""

import os
import select
import socket
import struct

from walkthrough.shell import Failed

from .clocks import now
from .dhcp import checksum
from .spaces import open_socket

INTERVAL = 0.002  # seconds between two requests
LIMIT = 10
SILENCE = 0.25  # so long without an answer means none will come


class Echo:
    """Requests from a namespace to one address, all of one flow (the identifier stays)."""

    def __init__(self, namespace, address):
        self.address, self.identifier, self.sequence = address, int.from_bytes(os.urandom(2), "big"), 0
        self.socket = open_socket(namespace, socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
        self.socket.setblocking(False)
        self.sent = {}

    def close(self):
        self.socket.close()

    def until_answered(self, began):
        """Seconds from `began` to the first answer."""
        while now() - began < LIMIT:
            answered = self._exchange()
            if answered:
                return answered[0] - began
        raise Failed(f"{self.address} did not answer within {LIMIT} s")

    def until_silent(self, began):
        """Seconds from `began` to the last answer. The flow goes on all the while."""
        last = began
        while now() - last < SILENCE:
            answered = self._exchange()
            if answered:
                last = answered[0]
            if now() - began > LIMIT:
                raise Failed(f"{self.address} still answers after {LIMIT} s")
        return last - began

    def round_trips(self, count):
        """Seconds of some round trips, of an address that answers."""
        times = []
        while len(times) < count:
            answered = self._exchange()
            if answered:
                times.append(answered[1])
        return times

    def _exchange(self):
        """One request and the interval's wait. Returns (moment, round trip) of the first answer that came, or None."""
        self.sequence = (self.sequence + 1) & 0xFFFF
        begun = self.sent[self.sequence] = now()
        try:
            self.socket.sendto(request(self.identifier, self.sequence), (self.address, 0))
        except OSError:
            pass  # no route, or the neighbour is given up for the moment: the next try tells
        while True:
            left = INTERVAL - (now() - begun)
            if left <= 0 or not select.select([self.socket], [], [], left)[0]:
                return None
            moment, packet = now(), self.socket.recv(2048)
            answer = packet[(packet[0] & 15) * 4:]
            kind, _, _, identifier, sequence = struct.unpack("!2B3H", answer[:8])
            if kind == 0 and identifier == self.identifier and packet[12:16] == socket.inet_aton(self.address):
                self._pace(begun)
                return moment, moment - self.sent.pop(sequence, moment)

    @staticmethod
    def _pace(begun):
        left = INTERVAL - (now() - begun)
        if left > 0:
            select.select([], [], [], left)


def request(identifier, sequence):
    """An echo request (RFC 792) with 56 bytes, as ping(8) sends."""
    body = bytes(56)
    head = struct.pack("!2B3H", 8, 0, 0, identifier, sequence)
    return struct.pack("!2B3H", 8, 0, checksum(head + body), identifier, sequence) + body
