#!/bin/sh
# The power switch of a machine, for its BMC and for tests; runs in the lab's world: power.sh FOLDER on|off|state [SNAPSHOT]
set -eu
folder=$1
exec 9>"$folder/power.lock"
flock 9

is_on() {
  [ -s "$folder/pid" ] && grep -qsF "$folder/" "/proc/$(cat "$folder/pid")/cmdline"
}

# Its memory goes first, and its command line with it; its files and taps only with its last thread.
has_ended() {
  ! grep -qs '^State:.[^ZX]' "/proc/$1/status" && [ "$(ls "/proc/$1/task" 2>/dev/null | wc -l)" -le 1 ]
}

case $2 in
  on)
    is_on || sh "$folder/start" "${3:-}" 9>&-
    ;;
  off)
    if is_on; then
      pid=$(cat "$folder/pid")
      kill -9 "$pid" 2>/dev/null || true
      until has_ended "$pid"; do sleep 0.05; done
    fi
    rm -f "$folder/pid"
    ;;
  state)
    if is_on; then echo on; else echo off; fi
    ;;
esac
