#!/bin/sh
# An init script as the Linux Standard Base describes it.
state=@FOLDER@/daemon.state
case $1 in
  start) : >"$state" ;;
  stop) rm -f "$state" ;;
  status) [ -e "$state" ] || exit 3 ;;
  *) exit 2 ;;
esac
