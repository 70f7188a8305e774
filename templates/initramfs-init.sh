#!/bin/busybox sh
# The first program of a guest that has no initramfs of its own: loads the drivers of its disk, mounts its root file system
# read-only, as its own start expects it, and hands over. /modules/order lists the drivers in the order in which they load.
/bin/busybox mkdir -p /dev /proc /sys /root
/bin/busybox mount -t proc proc /proc
/bin/busybox mount -t devtmpfs dev /dev
/bin/busybox mount -t sysfs sys /sys
# from here on busybox finds its own programs by /proc/self/exe: there are no links to it
exec </dev/console >/dev/console 2>&1

give_up() {
  echo "rehome: $1; this is a shell in the initramfs"
  exec /bin/busybox sh
}

while read -r module; do
  insmod "/modules/$module" || echo "rehome: $module was not loaded"
done </modules/order

root= flags= type= mode=ro init=/sbin/init
for word in $(cat /proc/cmdline); do
  case $word in
    root=*) root=${word#root=} ;;
    rootflags=*) flags=,${word#rootflags=} ;;
    rootfstype=*) type=${word#rootfstype=} ;;
    init=*) init=${word#init=} ;;
    ro | rw) mode=$word ;;
  esac
done
[ -n "$root" ] || give_up "the kernel's command line names no root"

device= tries=0
while [ -z "$device" ]; do
  case $root in
    /dev/*) [ -b "$root" ] && device=$root ;;
    *) device=$(findfs "$root" 2>/dev/null) ;;
  esac
  [ -n "$device" ] && break
  tries=$((tries + 1))
  [ "$tries" -lt 300 ] || give_up "there is no $root"
  sleep 0.2
done
mount -o "$mode$flags" ${type:+-t "$type"} "$device" /root || give_up "$device cannot be mounted"
[ -x "/root$init" ] || [ -L "/root$init" ] || give_up "there is no $init on $device"
for folder in dev proc sys; do
  mount -o move "/$folder" "/root/$folder" || umount -l "/$folder"
done
exec /bin/busybox switch_root /root "$init" "$@"
