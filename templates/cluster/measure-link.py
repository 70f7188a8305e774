"""Measures what a network carries. Server: prints its port, takes one connection that begins with the token, and prints
the bytes and seconds that arrived. Client: sends for the given time. Both print which part of its processors' time this
machine had left meanwhile. Token and addresses come on standard input."""
import json, socket, sys, time

def processors():
    """Idle time, and all, since the machine was started: user, nice, system, idle, iowait, irq, softirq, steal."""
    with open("/proc/stat") as stat:
        times = [int(word) for word in stat.readline().split()[1:9]]
    return times[3] + times[4], sum(times)


def idle_since(before):
    idle, total = (now - then for now, then in zip(processors(), before))
    return idle / max(1, total)


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
    start, total, before = time.monotonic(), 0, processors()
    while True:
        data = peer.recv(1 << 18)
        if not data:
            break
        total += len(data)
    print(json.dumps({"bytes": total, "seconds": time.monotonic() - start, "idle": idle_since(before)}), flush=True)
else:
    peer = socket.create_connection((order["address"], order["port"]), order["wait"], (order["from"], 0))
    peer.sendall(token)
    data, end, before = bytes(1 << 18), time.monotonic() + order["seconds"], processors()
    while time.monotonic() < end:
        peer.sendall(data)
    peer.close()
    print(json.dumps({"idle": idle_since(before)}), flush=True)
