#!/bin/sh
# Process 1 of the demo's own world (see world.ts): world.sh WORK PROGRAM…
# Nothing in here touches the machine: its mounts, network and processes are the world's own and end with this process.
set -eu
work=$1
shift

# held by everything in this world: a folder whose lock is free belongs to nobody
exec 9>"$work/lock"
flock 9

end() {
  trap '' TERM
  kill -9 -1 2>/dev/null || true
  rm -rf "$work"
  exit "$1"
}
trap 'end 143' TERM

mount -t sysfs sysfs /sys
for folder in /run /etc/libvirt /var/lib/libvirt /var/log/libvirt /var/cache/libvirt; do
  mkdir -p "$folder"
  mount -t tmpfs -o mode=755 tmpfs "$folder"
done

hostname target1
ip link set lo up
ip link add br0 type bridge stp_state 0 forward_delay 0
ip address add 192.0.2.1/24 dev br0
ip link set br0 up

# in the background, because a shell that waits takes in orphans (libvirt's guests), as process 1 must
exec 3<&0
"$@" <&3 &
status=0
wait "$!" || status=$?

if [ -e "$work/keep" ]; then
  echo "$status" >"$work/kept"
  while :; do
    sleep 86400 &
    wait "$!" || true
  done
fi
end "$status"
