#!/bin/sh
# Makes a fresh Debian 12 or 13 with Node and a clone ready for the tests and the demo: Debian packages (only those that
# are missing; with sudo when not root), npm packages, build. Quick and silent when nothing is missing.
set -eu
cd "$(dirname "$0")/.."

PACKAGES='
  qemu-system-x86 qemu-utils libguestfs-tools libguestfs-xfs nbdkit libnbd-bin
  libvirt-daemon-system libvirt-clients libxml2-utils
  resource-agents pacemaker-resource-agents pacemaker-cli-utils drbd-utils lvm2 corosync drbd-utils lvm2
  openssh-client openssh-server openssl sudo rsync busybox-static xfsprogs
  mmdebstrap gpg e2fsprogs iproute2 util-linux procps python3-minimal
'

say() { printf 'setup: %s\n' "$1" >&2; }

fail() {
  say "$1"
  printf '  → %s\n' "$2" >&2
  exit 6
}

as_root() {
  if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

missing_packages() {
  for package in $PACKAGES; do
    case $(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true) in
      ii*) ;;
      *) echo "$package" ;;
    esac
  done
  # libguestfs boots a kernel of this machine; containers have none
  for kernel in /boot/vmlinuz-*; do
    [ -r "$kernel" ] && [ -d "/lib/modules/${kernel#/boot/vmlinuz-}" ] && return
  done
  echo linux-image-cloud-amd64
}

install_packages() {
  command -v apt-get >/dev/null || fail 'this is no Debian: there is no apt-get' 'use Debian 12 or 13'
  [ "$(dpkg --print-architecture)" = amd64 ] || fail "this machine is $(dpkg --print-architecture)" 'use an amd64 machine'
  missing=$(missing_packages | tr '\n' ' ')
  [ -n "$missing" ] || return 0
  say "installing ${missing% }"
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail 'you are not root and there is no sudo' "run as root: apt-get install --no-install-recommends ${missing% }"
  fi
  log=$(mktemp)
  as_root apt-get -q -o DPkg::Lock::Timeout=300 update >"$log" 2>&1 || say 'apt-get update failed; trying what it has'
  # shellcheck disable=SC2086 # a list of names
  if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 install \
    --no-install-recommends $missing >>"$log" 2>&1; then
    tail -n 20 "$log" >&2
    fail 'the Debian packages could not be installed' "see $log; then run: apt-get install ${missing% }"
  fi
  rm -f "$log"
}

install_node_packages() {
  node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' ||
    fail "node $(node --version) is too old" 'install Node 20.19 or newer'
  cmp -s package-lock.json node_modules/.installed-lock && return
  say 'installing npm packages'
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error >&2 ||
    fail 'npm ci failed' 'see its messages above; the npm registry must be reachable'
  cp package-lock.json node_modules/.installed-lock
}

build() {
  [ -e dist/.built ] && [ -z "$(find src package.json tsconfig.json -newer dist/.built | head -n 1)" ] && return
  say 'building'
  : >node_modules/.build-started # what changes from here on is built the next time
  npm run --silent build >&2 || fail 'the build failed' 'see its messages above'
  mv node_modules/.build-started dist/.built
}

install_packages
install_node_packages
build
