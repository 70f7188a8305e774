"""The lab's time source (RFC 5905), as a site's router is one: answers every NTP request on ADDRESS with this machine's
clock. time-server.py ADDRESS"""

import socket
import struct
import sys
import time

SINCE_1900 = 2208988800  # the Unix epoch in NTP's time
PACKET = struct.Struct("!BBbb II4s Q Q Q Q")
CLIENT, SERVER = 3, 4


def now():
    """NTP's 64 bits: seconds since 1900, and 2^-32 seconds."""
    seconds = time.time_ns() / 1e9 + SINCE_1900
    return int(seconds) << 32 | int((seconds % 1) * (1 << 32))


server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind((sys.argv[1], 123))
while True:
    request, client = server.recvfrom(512)
    received = now()
    if len(request) < PACKET.size or request[0] & 7 != CLIENT:
        continue
    version = request[0] >> 3 & 7
    sent_by_client = struct.unpack("!Q", request[40:48])[0]
    head = (version << 3 | SERVER, 1, 6, -20, 0, 0, b"LAB\0")  # stratum 1, a microsecond precise
    server.sendto(PACKET.pack(*head, received, sent_by_client, received, now()), client)
