# Describes a machine on standard output; reads only. Sent to `sh -s` with a line `mark=WORD` before it.
#
# Plain POSIX sh, because sources are as old as CentOS 5 and Debian 6, and some have only busybox: no python, no
# `lsblk`, no `ip -j`. What a tool is missing for is left to the reader of this output, who knows that unknown is not
# absent. Every section is framed by "$mark begin NAME" and "$mark end NAME STATUS", on both standard output and
# standard error, so that each complaint is found again with its section. Nothing that is read from the machine is
# ever interpreted by the shell.
LC_ALL=C
LANG=C
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
LVM_SUPPRESS_FD_WARNINGS=1
export LC_ALL LANG PATH LVM_SUPPRESS_FD_WARNINGS
umask 077
set -f

section() { # NAME COMMAND...
  section_name=$1
  shift
  printf '\n%s begin %s\n' "$mark" "$section_name"
  printf '\n%s begin %s\n' "$mark" "$section_name" >&2
  "$@" </dev/null
  section_status=$?
  printf '\n%s end %s %s\n' "$mark" "$section_name" "$section_status"
  printf '\n%s end %s %s\n' "$mark" "$section_name" "$section_status" >&2
}

has() { command -v "$1" >/dev/null 2>&1; }

# "KEY VALUE" with the first line of a file, nothing when there is none
attribute() { # KEY FILE
  [ -f "$2" ] && [ -r "$2" ] || return 0
  attribute_value=
  read -r attribute_value <"$2" 2>/dev/null
  [ -z "$attribute_value" ] || printf '%s %s\n' "$1" "$attribute_value"
}

names_in() { # DIRECTORY: its entries, one a line, without a fork for each
  set +f
  for entry in "$1"/*; do
    [ ! -e "$entry" ] && [ ! -L "$entry" ] || printf '%s\n' "${entry##*/}"
  done
  set -f
}

first_of() { # FILE...: the first that can be read, with its name before it
  for file in "$@"; do
    [ -r "$file" ] || continue
    printf '%s\n' "$file"
    cat "$file"
    return 0
  done
  return 1
}

clock() {
  # %N is not known everywhere: then it stays as it is, or comes out empty
  date '+%s %N'
}

identity() {
  printf 'uid %s\n' "$(id -u)"
  printf 'hostname %s\n' "$(uname -n)"
  printf 'kernel %s\n' "$(uname -r)"
  printf 'architecture %s\n' "$(uname -m)"
  attribute boot-id /proc/sys/kernel/random/boot_id
  printf 'boot-time %s\n' "$(sed -n 's/^btime //p' /proc/stat)"
}

firmware() {
  if [ -d /sys/firmware/efi ]; then echo uefi; else echo bios; fi
  # without sysfs nothing can be said about it
  [ -d /sys/block ] || return 1
}

memory() {
  cat /proc/meminfo
  [ -r /sys/devices/system/memory/block_size_bytes ] || return 0
  attribute block-size /sys/devices/system/memory/block_size_bytes
  set +f
  memory_blocks=0
  for memory_block in /sys/devices/system/memory/memory*; do
    attribute_value=
    attribute online "$memory_block/online" >/dev/null
    [ "$attribute_value" != 1 ] || memory_blocks=$((memory_blocks + 1))
  done
  printf 'blocks-online %s\n' "$memory_blocks"
  set -f
}

hypervisor() {
  if has systemd-detect-virt; then
    printf 'vm %s\n' "$(systemd-detect-virt --vm 2>/dev/null)"
    printf 'container %s\n' "$(systemd-detect-virt --container 2>/dev/null)"
  elif has virt-what; then
    virt-what | sed 's/^/virt-what /'
  fi
  attribute dmi-vendor /sys/class/dmi/id/sys_vendor
  attribute dmi-product /sys/class/dmi/id/product_name
  if [ ! -r /sys/class/dmi/id/sys_vendor ] && has dmidecode; then
    printf 'dmi-vendor %s\n' "$(dmidecode -s system-manufacturer 2>/dev/null | sed '/^#/d' | head -n 1)"
    printf 'dmi-product %s\n' "$(dmidecode -s system-product-name 2>/dev/null | sed '/^#/d' | head -n 1)"
  fi
  attribute hypervisor-type /sys/hypervisor/type
  [ ! -d /proc/xen ] || echo 'proc-xen yes'
  attribute xen-capabilities /proc/xen/capabilities
  [ ! -d /proc/vz ] || [ -d /proc/bc ] || echo 'proc-vz yes'
  [ ! -e /.dockerenv ] || echo 'docker yes'
  grep -q '^flags.* hypervisor' /proc/cpuinfo && echo 'cpu-flag yes'
  return 0
}

release() {
  first_of /etc/os-release /usr/lib/os-release
}

release_old() {
  for file in /etc/lsb-release /etc/debian_version /etc/redhat-release /etc/SuSE-release /etc/alpine-release \
    /etc/arch-release /etc/gentoo-release; do
    [ -f "$file" ] || continue
    printf 'file %s\n' "$file"
    sed 's/^/| /' "$file"
    printf '\n'
  done
}

# ---- disks ----

block() { # SYSFS-DIRECTORY KIND
  printf 'block %s %s\n' "$2" "${1##*/}"
  attribute dev "$1/dev"
  attribute size "$1/size"
  attribute start "$1/start"
  attribute ro "$1/ro"
  attribute hidden "$1/hidden"
  attribute removable "$1/removable"
  attribute rotational "$1/queue/rotational"
  attribute logical "$1/queue/logical_block_size"
  attribute hw-sector "$1/queue/hw_sector_size"
  attribute serial "$1/serial"
  attribute model "$1/device/model"
  attribute vendor "$1/device/vendor"
  attribute device-serial "$1/device/serial"
  attribute type "$1/device/type"
  attribute dm-name "$1/dm/name"
  attribute dm-uuid "$1/dm/uuid"
  attribute md-level "$1/md/level"
  attribute md-degraded "$1/md/degraded"
  [ ! -e "$1/device" ] || echo 'device yes'
  names_in "$1/slaves" | sed 's/^/slave /'
}

blocks() {
  [ -d /sys/block ] || return 1
  for disk in $(names_in /sys/block); do
    case $disk in
    loop* | ram* | zram* | fd* | sr* | mtd*) continue ;;
    esac
    block "/sys/block/$disk" disk
    for part in $(names_in "/sys/block/$disk"); do
      [ ! -f "/sys/block/$disk/$part/start" ] || block "/sys/block/$disk/$part" partition
    done
  done
}

# serial numbers where sysfs has none
udev() {
  if has udevadm; then
    for disk in $(names_in /sys/block); do
      case $disk in
      loop* | ram* | zram* | fd* | sr* | dm-* | md*) continue ;;
      esac
      printf 'disk %s\n' "$disk"
      udevadm info --query=property --path="/sys/block/$disk" | grep -E '^ID_(SERIAL|SERIAL_SHORT|WWN|MODEL)='
    done
    return 0
  fi
  has udevinfo || return 127
  for disk in $(names_in /sys/block); do
    case $disk in
    loop* | ram* | fd* | sr* | dm-* | md*) continue ;;
    esac
    printf 'disk %s\n' "$disk"
    udevinfo --query=env --path="/block/$disk" | grep -E '^ID_(SERIAL|SERIAL_SHORT|WWN|MODEL)='
  done
}

links() { # DIRECTORY: "NAME -> DEVICE" of every link in it
  [ -d "$1" ] || return 0
  for link in $(names_in "$1"); do
    printf '%s %s\n' "$(readlink -f "$1/$link")" "$1/$link"
  done
}

# the first sectors of every disk and partition, in hex: partition tables and boot loaders are found in them
sectors() {
  [ -d /sys/block ] || return 1
  has od || return 127
  for disk in $(names_in /sys/block); do
    case $disk in
    loop* | ram* | zram* | fd* | sr* | dm-* | md* | nbd* | drbd*) continue ;;
    esac
    bytes=512
    attribute_value=
    attribute x "/sys/block/$disk/queue/logical_block_size" >/dev/null
    [ -z "$attribute_value" ] || bytes=$attribute_value
    first_sectors "$disk" "$bytes" 2
    for part in $(names_in "/sys/block/$disk"); do
      [ ! -f "/sys/block/$disk/$part/start" ] || first_sectors "$part" "$bytes" 1
    done
  done
}

first_sectors() { # NAME SECTOR-SIZE COUNT
  device=/dev/$(printf '%s' "$1" | tr '!' '/')
  printf 'sectors %s %s\n' "$1" "$2"
  [ -b "$device" ] || return 0
  dd if="$device" bs="$2" count="$3" 2>/dev/null | od -An -v -tx1
}

# -c /dev/null: no cache file, neither read nor written
formats() {
  has blkid || return 127
  blkid -c /dev/null
  # 2: nothing found, which is an answer
  [ $? -ne 1 ]
}

formats_lsblk() {
  has lsblk || return 127
  lsblk -P -o NAME,FSTYPE,UUID,LABEL
}

dm() {
  has dmsetup || return 127
  dmsetup info -c --noheadings --separator '|' -o name,major,minor,uuid
}

# lvm without locks, caches or repair; versions from before --readonly are asked without it
lvm_report() { # PROGRAM FIELDS
  has "$1" || return 127
  "$1" --readonly --noheadings --nosuffix --units b --separator '|' -o "$2" && return 0
  "$1" --config 'global{locking_type=0} devices{write_cache_state=0}' \
    --noheadings --nosuffix --units b --separator '|' -o "$2"
}

vgs_report() { lvm_report vgs vg_name,vg_uuid,vg_size,vg_free,vg_extent_size; }
pvs_report() { lvm_report pvs pv_name,vg_name,pv_uuid; }
lvs_report() { lvm_report lvs vg_name,lv_name,lv_size,segtype,origin,lv_tags; }

raid() {
  [ -r /proc/mdstat ] || return 0
  cat /proc/mdstat
}

# ---- file systems ----

mounts() {
  cat /proc/self/mountinfo 2>/dev/null && return 0
  # kernels before 2.6.26: the device numbers are asked for one by one
  while read -r device point type rest; do
    case $device in
    /dev/root) ;;
    /*) device=$(readlink -f "$device") ;;
    *) continue ;;
    esac
    number=
    case $point in *\\*) ;; *) number=$(mountpoint -d "$point" 2>/dev/null) ;; esac
    printf 'mount %s %s %s %s\n' "${number:-?}" "$type" "$point" "$device"
  done </proc/mounts
}

# only local file systems: a dead NFS server would hold df up for ever
usage() {
  df -kPl && return 0
  # busybox has no -l
  while read -r device point rest; do
    case $device in /dev/*) ;; *) continue ;; esac
    case $point in *\\*) continue ;; esac
    df -kP "$point"
  done </proc/mounts
}

# ---- how it boots ----

kernels() {
  set +f
  for image in /boot/vmlinuz-* /boot/vmlinux-* /boot/kernel-*; do
    [ -f "$image" ] || continue
    case $image in *rescue* | *.old | *.bak | *.hmac) continue ;; esac
    release=${image#/boot/vmlinuz-}
    release=${release#/boot/vmlinux-}
    release=${release#/boot/kernel-}
    kernel "$release"
  done
  set -f
}

kernel() { # RELEASE
  printf 'kernel %s\n' "$1"
  if [ -r "/boot/config-$1" ]; then
    grep -E '^CONFIG_(VIRTIO_BLK|SCSI_VIRTIO|VIRTIO_PCI|DM_SNAPSHOT)=' "/boot/config-$1"
    echo 'config yes'
  fi
  if [ -r "/lib/modules/$1/modules.builtin" ]; then
    grep -E '/(virtio_(blk|scsi|pci)|dm-snapshot)\.ko' "/lib/modules/$1/modules.builtin" | sed 's/^/builtin /'
    echo 'builtin-list yes'
  fi
  for initramfs in "/boot/initrd.img-$1" "/boot/initramfs-$1.img" "/boot/initrd-$1.img" "/boot/initrd-$1" \
    "/boot/initramfs-$1"; do
    [ -r "$initramfs" ] || continue
    printf 'initramfs %s\n' "$initramfs"
    listing=$(list_initramfs "$initramfs") || return 0
    printf 'initramfs-entries %s\n' "$(printf '%s\n' "$listing" | grep -c .)"
    # every initramfs has an init: a listing without one was cut short
    printf '%s\n' "$listing" | grep -q -E '(^|[ /])(init|linuxrc)( ->.*)?$' && echo 'initramfs-init yes'
    printf '%s\n' "$listing" | grep -E 'virtio_(blk|scsi|pci)' | sed 's/^/initramfs-has /'
    printf '%s\n' "$listing" | grep -q -E '/dm[-_]snapshot\.ko' && answer=yes || answer=no
    printf 'initramfs-snapshots %s\n' "$answer"
    return 0
  done
}

# The names in an initramfs, without unpacking it to a disk. The distribution's own tool knows its format (microcode
# before the archive, several compressions); where it is missing, one plain or compressed cpio archive is tried.
list_initramfs() { # FILE
  if has lsinitramfs; then
    lsinitramfs "$1" && return 0
  fi
  if has lsinitrd; then
    lsinitrd "$1" && return 0
  fi
  has cpio && has od || return 1
  case $(dd if="$1" bs=6 count=1 2>/dev/null | od -An -v -tx1 | tr -d ' \n') in
  1f8b*) gzip -dc <"$1" | cpio -it --quiet ;;
  fd377a585a00) xz -dc <"$1" | cpio -it --quiet ;;
  425a68*) bzip2 -dc <"$1" | cpio -it --quiet ;;
  28b52ffd*) zstd -dc <"$1" | cpio -it --quiet ;;
  02214c18*) lz4 -dc <"$1" | cpio -it --quiet ;;
  *) return 1 ;; # a plain archive in front is microcode, and what follows it cannot be found with these tools
  esac
}

boot_files() {
  set +f
  for file in /boot/grub/grub.cfg /boot/grub2/grub.cfg /boot/grub/menu.lst /boot/grub/grub.conf /boot/grub/stage2 \
    /boot/grub/i386-pc/core.img /boot/grub2/i386-pc/core.img /boot/grub/core.img /etc/lilo.conf /boot/map \
    /boot/extlinux/extlinux.conf /extlinux.conf /boot/extlinux.conf \
    /boot/efi/EFI/*/grub*.efi /boot/efi/EFI/*/GRUB*.EFI /efi/EFI/*/grub*.efi \
    /boot/efi/EFI/systemd/systemd-boot*.efi /boot/EFI/systemd/systemd-boot*.efi /efi/EFI/systemd/systemd-boot*.efi; do
    [ ! -f "$file" ] || printf '%s\n' "$file"
  done
  set -f
}

# ---- network ----

nics() {
  [ -d /sys/class/net ] || return 1
  for nic in $(names_in /sys/class/net); do
    [ -d "/sys/class/net/$nic" ] || continue
    printf 'nic %s\n' "$nic"
    attribute mac "/sys/class/net/$nic/address"
    attribute type "/sys/class/net/$nic/type"
    attribute flags "/sys/class/net/$nic/flags"
    attribute operstate "/sys/class/net/$nic/operstate"
    [ ! -e "/sys/class/net/$nic/device" ] || echo 'device yes'
  done
}

# a bond gives its members one MAC; the cards' own are told here
bonds() {
  [ -d /proc/net/bonding ] || return 0
  for bond in $(names_in /proc/net/bonding); do
    grep -E '^(Slave Interface|Permanent HW addr): ' "/proc/net/bonding/$bond"
  done
  return 0
}

addresses() {
  has ip || return 127
  ip -o addr show
}
addresses_old() {
  has ip && return 0
  has ifconfig || return 127
  ifconfig -a
}
routes() {
  has ip || return 127
  ip -o route show table main
}
routes6() {
  has ip || return 127
  ip -o -6 route show table main
}
routes_old() { cat /proc/net/route; }
resolver() { cat /etc/resolv.conf; }
resolver_systemd() {
  [ ! -r /run/systemd/resolve/resolv.conf ] || cat /run/systemd/resolve/resolv.conf
}

section clock clock
section identity identity
section firmware firmware
section cpuinfo cat /proc/cpuinfo
section memory memory
section hypervisor hypervisor
section release release
section release-old release_old
section blocks blocks
section udev udev
section by-id links /dev/disk/by-id
section mapper links /dev/mapper
section sectors sectors
section formats formats
section formats-lsblk formats_lsblk
section dm dm
section vgs vgs_report
section pvs pvs_report
section lvs lvs_report
section raid raid
section mounts mounts
section usage usage
section swaps cat /proc/swaps
section kernels kernels
section boot-files boot_files
section nics nics
section bonds bonds
section addresses addresses
section addresses-old addresses_old
section routes routes
section routes6 routes6
section routes-old routes_old
section resolver resolver
section resolver-systemd resolver_systemd
section clock-end clock
printf '\n%s complete\n' "$mark"
