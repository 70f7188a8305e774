#!/bin/sh
# Switches the "physical" server on: power-on.sh WORK ACCELERATOR. SATA disks, an e1000 and no virtio, like real hardware.
set -eu
work=$1
exec qemu-system-x86_64 -name web1 -machine q35 -accel "$2" -cpu max -smp 1 -m 640 -nodefaults -display none -vga std \
  -drive "if=none,id=root,format=qcow2,discard=unmap,file=$work/source/root.qcow2" \
  -device ide-hd,bus=ide.0,drive=root,serial=Z3T0W3B1A \
  -drive "if=none,id=data,format=qcow2,discard=unmap,file=$work/source/data.qcow2" \
  -device ide-hd,bus=ide.1,drive=data,serial=Z3T0W3B1B \
  -netdev "tap,id=nic,ifname=web1,script=$work/source/tap-up,downscript=no" \
  -device e1000,netdev=nic,mac=52:54:00:c0:00:0a,bus=pcie.0,addr=0x3 \
  -serial "file:$work/source/console.log" -monitor "unix:$work/source/monitor,server=on,wait=off" \
  -pidfile "$work/source/pid" -daemonize
