# Reads disks for rehome where there is no python: sh, dd, sha256sum and stat. Slower, and just as careful.
# Writes nothing anywhere and ends with its connection. Arguments: the disks.
# Answers lines from standard input, numbers only, in units of 64 KiB:
#   hash DISK SKIP COUNT TIMES   a line of sha256 for each of TIMES pieces of COUNT units
#   read DISK SKIP COUNT         the bytes
#   open COUNT                   and so many lines, each the path of a disk: these are the disks from now on
LC_ALL=C
export LC_ALL
exec 5>&1

# Only a device's page cache lies: that of a file is what the file is.
flags_for() {
  flags=
  if dd if="$1" of=/dev/null bs=4096 count=1 iflag=direct 2>/dev/null; then flags=iflag=direct; fi
}

# What is said first, and of disks that are named later.
describe() {
  printf 'boot %s\n' "$(cat /proc/sys/kernel/random/boot_id 2>/dev/null)"
  for disk; do describe_disk; done
  printf 'ready\n'
}

describe_disk() {
  block=0
  if [ -b "$disk" ]; then
    block=1
    size=$(blockdev --getsize64 "$disk" 2>/dev/null) ||
      size=$(($(cat "/sys/class/block/$(basename "$(readlink -f "$disk")")/size" 2>/dev/null || echo 0) * 512))
  else
    size=$(stat -L -c %s "$disk" 2>/dev/null) || size=missing
  fi
  flags_for "$disk"
  printf 'disk %s %s %s\n' "$size" "${flags:-cached}" "$block"
  if [ "$block" = 1 ]; then
    place=$(cat "/sys/class/block/$(basename "$(readlink -f "$disk")")/dev" 2>/dev/null)
    cat "/sys/dev/block/$place/serial" "/sys/dev/block/$place/device/serial" 2>/dev/null | sed 's/^/serial /'
    sed -n 's/^E:ID_SERIAL\(_SHORT\)\{0,1\}=/serial /p' "/run/udev/data/b$place" 2>/dev/null
  fi
}

printf 'rehome-sh 1\n'
for tool in dd sha256sum; do
  command -v "$tool" >/dev/null 2>&1 || printf 'missing %s\n' "$tool"
done
describe "$@"

while read -r verb number skip count times; do
  if [ "$verb" = open ]; then
    set --
    while [ "$number" -gt 0 ]; do
      IFS= read -r disk
      set -- "$@" "$disk"
      number=$((number - 1))
    done
    describe "$@"
    continue
  fi
  eval "disk=\${$((number + 1))}"
  # what was found out of a device was said, and it is read so or not at all
  if [ -b "$disk" ]; then flags=iflag=direct; else flags_for "$disk"; fi
  case $verb in
  hash)
    # A failed dd shows as a digest that fits nothing: then the bytes are asked for, and that fails aloud.
    while [ "$times" -gt 0 ]; do
      dd if="$disk" bs=65536 skip="$skip" count="$count" $flags 2>/dev/null | sha256sum
      skip=$((skip + count))
      times=$((times - 1))
    done
    ;;
  read)
    if ! said=$(dd if="$disk" bs=65536 skip="$skip" count="$count" $flags 2>&1 >&5); then
      printf '%s\n' "$said" >&2
      [ -e "$disk" ] || exit 4
      exit 3
    fi
    ;;
  esac
done
