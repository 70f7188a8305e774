#!/bin/sh
# Makes a world for agents inside namespaces of its own: unshare --net --mount sh prelude.sh FOLDER PROGRAM…
# An interface to put addresses on, init scripts and tools from FOLDER, and a /proc that tells of a DRBD module.
set -e
folder=$1
shift
ip link set lo up
ip link add guests type veth peer name switch
ip address add 10.9.0.1/24 dev guests
ip link set guests up
ip link set switch up
mount --bind "$folder/init.d" /etc/init.d
mount --bind "$folder/tools" /usr/local/sbin
mkdir "$folder/proc"
mount --rbind /proc "$folder/proc"
mount -t tmpfs tmpfs /proc
for name in self thread-self sys mounts filesystems cpuinfo meminfo stat uptime loadavg version modules net; do
  ln -s "$folder/proc/$name" "/proc/$name"
done
: >/proc/drbd
exec "$@"
