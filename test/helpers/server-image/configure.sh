#!/bin/sh
# mmdebstrap's customize hook: configure.sh ROOT, with REHOME_IMAGE_FILES, REHOME_IMAGE_KEY and REHOME_IMAGE_VIRTIO set.
# Makes a minimal Debian the server web1.
set -eu
root=$1

cp -r --preserve=mode,timestamps "$REHOME_IMAGE_FILES/." "$root/"
install -d -m 700 "$root/root/.ssh"
install -m 600 "$REHOME_IMAGE_KEY.pub" "$root/root/.ssh/authorized_keys"
mkdir -p "$root/srv"

if [ "$REHOME_IMAGE_VIRTIO" = no ]; then
  # as on a machine that was installed with MODULES=dep: only what this hardware needs
  echo MODULES=list > "$root/etc/initramfs-tools/conf.d/modules"
  printf '%s\n' ahci sd_mod ext4 dm_mod >> "$root/etc/initramfs-tools/modules"
fi
echo "grub-pc grub-pc/install_devices multiselect /dev/sda" | chroot "$root" debconf-set-selections
chroot "$root" update-initramfs -u

# no first-boot set-up and no timers: a server that has been running for long, and boots as fast as it can
chroot "$root" systemd-machine-id-setup
chroot "$root" systemctl enable --quiet ledger churn
chroot "$root" systemctl disable --quiet \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer e2scrub_reap.service
