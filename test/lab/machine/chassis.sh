#!/bin/sh
# What ipmi_sim asks and tells about the power: chassis.sh FOLDER get|set NAME [VALUE]
set -eu
power="$(dirname "$0")/power.sh"
folder=$1
case "$2 ${3:-} ${4:-}" in
  "get power "*)
    if [ "$(sh "$power" "$folder" state)" = on ]; then echo power:1; else echo power:0; fi
    ;;
  "set power 0") sh "$power" "$folder" off ;;
  "set power 1") sh "$power" "$folder" on >"$folder/power-on.log" 2>&1 ;;
  "set reset "*)
    sh "$power" "$folder" off
    sh "$power" "$folder" on >"$folder/power-on.log" 2>&1
    ;;
  *) exit 1 ;;
esac
