#!/bin/sh
# Switches a node on, in the lab's world: start.sh FOLDER NAME LAN BACKPLANE.
set -eu
folder=$1
name=$2
node=$(dirname "$0")/node.sh # found here: below, it would be one more child, to be mistaken for process 1 of the node

# the taps of a node that was just switched off may still be going away
for network in lan backplane; do
  while ip link show "$name-$network" >/dev/null 2>&1; do
    ip link delete "$name-$network" 2>/dev/null || sleep 0.05
  done
done

setsid unshare --mount --net --pid --ipc --uts --fork --kill-child --mount-proc \
  sh "$node" "$folder/" "$name" "$3" "$4" </dev/null >>"$folder/console.log" 2>&1 &
echo "$!" >"$folder/pid"
until init=$(pgrep -P "$!"); do sleep 0.02; done
echo "$init" >"$folder/init"
for network in lan backplane; do
  ip link add "$name-$network" type veth peer name "$network" netns "$init"
  ip link set "$name-$network" master "$network" up
done
