#!/bin/sh
# Makes the tree of a guest a particular one: dress.sh ROOT NAME ADDRESS DEVICE pygrub|outside, with
# root on DEVICE, and its kernel there or outside.
set -eu
root=$1
# udev of Debian 12 renames the card, unless the kernel's command line (in web1.cfg) forbids it
nic=enX0
[ "$5" = outside ] && nic=eth0
kernel=$(ls "$root/lib/modules")

echo "$2" >"$root/etc/hostname"
printf '127.0.0.1 localhost\n127.0.1.1 %s\n' "$2" >"$root/etc/hosts"
cat >"$root/etc/network/interfaces" <<END
auto lo
iface lo inet loopback

allow-hotplug $nic
iface $nic inet static
    address $3/24
    gateway 192.0.2.1
END
printf '%s / ext4 errors=remount-ro 0 1\n' "$4" >"$root/etc/fstab"
rm -f "$root"/etc/ssh/ssh_host_*
ssh-keygen -q -t ed25519 -N '' -C "root@$2" -f "$root/etc/ssh/ssh_host_ed25519_key"

# what pygrub reads; a guest whose kernel is outside has none
if [ "$5" = pygrub ]; then
  mkdir -p "$root/boot/grub"
  cat >"$root/boot/grub/grub.cfg" <<END
set default=0
set timeout=0
menuentry 'Debian GNU/Linux' {
	linux /boot/vmlinuz-$kernel root=$4 ro console=hvc0
	initrd /boot/initrd.img-$kernel
}
END
fi
