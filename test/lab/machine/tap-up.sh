#!/bin/sh
# QEMU calls it with the name of the tap that it made, MACHINE-NETWORK; the tap goes with QEMU.
exec ip link set "$1" master "${1##*-}" up
