#!/bin/sh
# mmdebstrap's customize hook: configure.sh ROOT, with REHOME_IMAGE_KEY and REHOME_IMAGE_SERVICE (a folder with the ledger)
# set. Makes a minimal Debian a guest of Xen's; dress.sh then makes it a particular one.
set -eu
root=$1

install -d -m 700 "$root/root/.ssh"
install -m 600 "$REHOME_IMAGE_KEY.pub" "$root/root/.ssh/authorized_keys"
for file in usr/local/sbin/ledger etc/systemd/system/ledger.service; do
  install -D --preserve-timestamps "$REHOME_IMAGE_SERVICE/$file" "$root/$file"
done
chmod 644 "$root/etc/systemd/system/ledger.service"
mkdir -p "$root/srv"

mkdir -p "$root/etc/initramfs-tools/conf.d"
printf 'MODULES=list\n' >"$root/etc/initramfs-tools/conf.d/modules"
printf 'COMPRESS=zstd\nCOMPRESSLEVEL=1\n' >"$root/etc/initramfs-tools/conf.d/compress"
printf '%s\n' xen_blkfront xen_netfront ext4 crc32c_generic >>"$root/etc/initramfs-tools/modules"
chroot "$root" update-initramfs -u

chroot "$root" systemd-machine-id-setup
chroot "$root" systemctl enable --quiet ledger
chroot "$root" systemctl mask --quiet \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer e2scrub_reap.service \
  ifupdown-pre.service getty-static.service systemd-binfmt.service
