#!/bin/sh
# Process 1 of the lab's world (see world.ts): world.sh FOLDER. Its machines, their networks, BMCs and clock end with it.
set -eu
folder=$1
trap 'kill -9 -1 2>/dev/null; exit 0' TERM

mount -t sysfs sysfs /sys
hostname lab
ip link set lo up
for bridge in lan backplane; do
  ip link add "$bridge" type bridge stp_state 0 forward_delay 0
  ip link set "$bridge" up
done
ip address add 192.0.2.1/24 dev lan
python3 "$(dirname "$0")/time-server.py" 192.0.2.1 &

: >"$folder/ready"
# in the background, because a shell that waits takes in orphans, as process 1 must
while :; do
  sleep 86400 &
  wait "$!" || true
done
