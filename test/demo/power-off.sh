#!/bin/sh
# Pulls the plug of the "physical" server: power-off.sh WORK.
set -eu
pidfile=$1/source/pid
[ -e "$pidfile" ] || exit 0
kill -9 "$(cat "$pidfile")" && rm -f "$pidfile"
