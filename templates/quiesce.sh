# Brings a running machine to rest for the last pass: nothing writes to its disks any more, but it can still be read.
# Sent to `sh -s -- SERVICE…` on the source over the SSH connection; nothing is left behind on it.
# Prints one event a line: KIND and the rest of the line. Exit code 0: at rest; 3: something still writes.
LC_ALL=C
export LC_ALL

# Stopping these would cut the connection that we read through, or the machine's network.
kept() {
  case "$1" in
  ssh* | sshd* | systemd-* | dbus* | user@* | user-runtime-dir@* | session-* | init.scope | getty@* | serial-getty@* | \
    networking* | NetworkManager* | network.* | network@* | ifup@* | wpa_supplicant* | dhclient* | dhcpcd* | connman* | \
    firewalld* | polkit* | udev* | lvm2-* | dm-event* | multipathd* | mdmonitor* | iscsid* | open-iscsi*) return 0 ;;
  esac
  return 1
}

event() { printf '%s\n' "$*"; }

stop_named() {
  for name; do
    if command -v systemctl >/dev/null 2>&1 && [ -d /run/systemd/system ]; then
      systemctl stop -- "$name" >/dev/null 2>&1 && event "stopped $name" || event "stop-failed $name"
    elif [ -x "/etc/init.d/$name" ]; then
      "/etc/init.d/$name" stop </dev/null >/dev/null 2>&1 && event "stopped $name" || event "stop-failed $name"
    else
      event "stop-failed $name"
    fi
  done
}

# In one transaction with what would start services again (sockets, timers, paths); few calls, because each takes time.
stop_systemd_units() {
  set --
  for unit in $(systemctl list-units --type=timer,path,socket,service --state=running,listening,waiting \
    --no-legend --plain 2>/dev/null | awk '{ print $1 }'); do
    kept "$unit" || set -- "$@" "$unit"
  done
  [ $# -eq 0 ] && return
  systemctl stop -- "$@" >/dev/null 2>&1
  states=$(systemctl is-active -- "$@" 2>/dev/null)
  for unit; do
    state=$(printf '%s\n' "$states" | head -n 1)
    states=$(printf '%s\n' "$states" | tail -n +2)
    case "$unit" in *.service) ;; *) continue ;; esac
    case "$state" in active | deactivating | reloading) event "stop-failed $unit" ;; *) event "stopped $unit" ;; esac
  done
}

stop_sysv_services() {
  level=$(runlevel 2>/dev/null | awk '{ print $2 }')
  for script in $(ls -r "/etc/rc${level:-2}.d/" "/etc/rc.d/rc${level:-3}.d/" 2>/dev/null | grep '^S' | sed 's/^S[0-9]*//'); do
    kept "$script" && continue
    case "$script" in rsyslog | sysklogd | syslog) continue ;; halt | reboot | single | rc.local | killprocs | sendsigs | umountfs) continue ;; esac
    [ -x "/etc/init.d/$script" ] || continue
    "/etc/init.d/$script" stop </dev/null >/dev/null 2>&1 && event "stopped $script"
  done
}

# Whatever is left and is neither the kernel, init, our own connection nor needed to be reached.
kill_the_rest() {
  ours=" $$ "
  parent=$$
  while [ "$parent" -gt 1 ]; do
    parent=$(awk '/^PPid:/ { print $2 }' "/proc/$parent/status" 2>/dev/null) || break
    [ -n "$parent" ] || break
    ours="$ours$parent "
  done
  for signal in TERM KILL; do
    left=
    for folder in /proc/[0-9]*; do
      pid=${folder#/proc/}
      case "$ours" in *" $pid "*) continue ;; esac
      [ -n "$(readlink "$folder/exe" 2>/dev/null)" ] || continue
      name=$(awk '/^Name:/ { print $2 }' "$folder/status" 2>/dev/null)
      case "$name" in
      init | systemd* | "(sd-pam)" | sshd* | sudo | dbus* | udev* | dhclient* | dhcpcd* | NetworkManager | wpa_supplicant | \
        connmand | agetty | getty | mingetty | login | lvm* | dmeventd | multipathd | mdadm | iscsid | polkitd) continue ;;
      esac
      [ "$(awk '/^PPid:/ { print $2 }' "$folder/status" 2>/dev/null)" = "$$" ] && continue
      kill -"$signal" "$pid" 2>/dev/null && left="$left $name($pid)"
    done
    [ -n "$left" ] || break
    event "killed-$signal$left"
    [ "$signal" = TERM ] && sleep 1
  done
}

# Mount points of file systems on block devices that can be written to.
writable() {
  while read -r device place type options rest; do
    case "$device" in /dev/*) ;; *) continue ;; esac
    case "$type" in fuse* | devtmpfs | tmpfs) continue ;; esac
    case ",$options," in *,rw,*) printf '%s ' "$place" ;; esac
  done </proc/mounts
}

read_only() {
  for attempt in 1 2 3; do
    sync
    echo u >/proc/sysrq-trigger
    tick=0
    while [ $tick -lt 10 ]; do
      [ -z "$(writable)" ] && return 0
      sleep 1
      tick=$((tick + 1))
    done
  done
  return 1
}

if [ ! -w /proc/sysrq-trigger ]; then
  event "no-sysrq"
  exit 3
fi
stop_named "$@"
if [ -d /run/systemd/system ]; then stop_systemd_units; else stop_sysv_services; fi
kill_the_rest
sync
if swapoff -a 2>/dev/null; then event "swap-off"; else event "swap-on"; fi
if ! read_only; then
  event "still-writable $(writable)"
  exit 3
fi
sync
for disk in /sys/block/*; do
  device=/dev/$(basename "$disk" | tr '!' '/')
  [ -b "$device" ] && blockdev --flushbufs "$device" 2>/dev/null
done
event "at-rest"
