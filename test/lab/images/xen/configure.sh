#!/bin/sh
# mmdebstrap's customize hook: configure.sh ROOT, with REHOME_IMAGE_FILES, REHOME_IMAGE_IDENTITY (the initramfs script of
# the nodes) and REHOME_IMAGE_KEY set. Makes a minimal Debian a dom0.
set -eu
root=$1

cp -r --preserve=mode,timestamps "$REHOME_IMAGE_FILES/." "$root/"
install -D "$REHOME_IMAGE_IDENTITY" "$root/etc/initramfs-tools/scripts/init-bottom/identity"
install -d -m 700 "$root/root/.ssh"
install -m 600 "$REHOME_IMAGE_KEY.pub" "$root/root/.ssh/authorized_keys"
rm -f "$root"/etc/ssh/ssh_host_*

mkdir -p "$root/etc/initramfs-tools/conf.d"
printf 'MODULES=list\n' >"$root/etc/initramfs-tools/conf.d/modules"
printf 'COMPRESS=zstd\nCOMPRESSLEVEL=1\n' >"$root/etc/initramfs-tools/conf.d/compress"
printf '%s\n' ahci sd_mod e1000 ext4 crc32c_generic >>"$root/etc/initramfs-tools/modules"
printf 'LABEL=dom0-root / ext4 defaults 0 0\n' >"$root/etc/fstab"
chroot "$root" update-initramfs -u

chroot "$root" systemctl enable --quiet systemd-networkd
chroot "$root" systemctl disable --quiet systemd-networkd-wait-online
chroot "$root" systemctl mask --quiet \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer e2scrub_reap.service \
  systemd-tmpfiles-clean.timer
