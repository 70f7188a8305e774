"""Measures what a network carries. Server: prints its port, takes one connection that begins with the token, and prints
the bytes and seconds that arrived. Client: sends for the given time. Token and addresses come on standard input."""
import json, socket, sys, time

order = json.loads(sys.stdin.readline())
token = order["token"].encode()
family = socket.AF_INET6 if ":" in order["address"] else socket.AF_INET

if order["role"] == "server":
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.bind((order["address"], 0))
    listener.listen(4)
    listener.settimeout(order["wait"])
    print(listener.getsockname()[1], flush=True)
    while True:
        peer, _ = listener.accept()
        peer.settimeout(order["wait"])
        if peer.recv(len(token), socket.MSG_WAITALL) == token:
            break
        peer.close()
    start, total = time.monotonic(), 0
    while True:
        data = peer.recv(1 << 18)
        if not data:
            break
        total += len(data)
    print(json.dumps({"bytes": total, "seconds": time.monotonic() - start}), flush=True)
else:
    peer = socket.create_connection((order["address"], order["port"]), order["wait"], (order["from"], 0))
    peer.sendall(token)
    data, end = bytes(1 << 18), time.monotonic() + order["seconds"]
    while time.monotonic() < end:
        peer.sendall(data)
    peer.close()
