#!/bin/sh
# What the lab needs beside the tests' own set-up (test/setup.sh): BMCs, what packs the machines' identities, what a
# cluster without machines runs, and virt-v2v, which rehome is compared with; none of it is started on this machine.
set -eu
PACKAGES='openipmi ipmitool cpio corosync pacemaker crmsh fence-agents virt-v2v'
missing=
for package in $PACKAGES; do
  case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true) in
    ii*) ;;
    *) missing="$missing $package" ;;
  esac
done
[ -n "$missing" ] || exit 0
echo "lab: installing$missing" >&2
as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}
log=$(mktemp)
# shellcheck disable=SC2086 # a list of names
if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install \
  --no-install-recommends $missing >"$log" 2>&1; then
  tail -n 20 "$log" >&2
  echo "lab: the packages could not be installed: see $log; then run: apt-get install$missing" >&2
  exit 6
fi
rm -f "$log"
[ ! -d /run/systemd/system ] || as_root systemctl disable --quiet --now pacemaker corosync
