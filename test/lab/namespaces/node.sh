#!/bin/sh
# Process 1 of a node without a machine: node.sh FOLDER/ NAME LAN BACKPLANE, in namespaces of its own, whose NICs lan and
# backplane are given to it. What Pacemaker and corosync keep is in FOLDER, as on a disk; all else ends with this process.
set -eu
folder=${1%/}
name=$2

mount -t sysfs sysfs /sys
for path in etc/corosync etc/hosts var/lib/corosync var/lib/pacemaker var/log/corosync var/log/pacemaker; do
  mount --bind "$folder/disk/$path" "/$path"
done
mount -t tmpfs -o mode=755 tmpfs /run
mount -t tmpfs tmpfs /dev/shm
mkdir -p /run/lock /run/resource-agents
install -d -o hacluster -g haclient -m 750 /run/crm
hostname "$name"

ip link set lo up
for nic in "lan $3" "backplane $4"; do
  set -- $nic
  until ip link show "$1" >/dev/null 2>&1; do sleep 0.05; done
  ip address add "$2/24" dev "$1"
  ip link set "$1" up
done

corosync -f &
until corosync-cfgtool -s >/dev/null 2>&1; do sleep 0.1; done
pacemakerd &
: >/run/started
# in the background, because a shell that waits takes in orphans, as process 1 must
while :; do
  sleep 86400 &
  wait "$!" || true
done
