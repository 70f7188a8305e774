#!/bin/sh
# mmdebstrap's customize hook: configure.sh ROOT, with REHOME_IMAGE_FILES and REHOME_IMAGE_KEY set.
# Makes a minimal Debian a machine of the lab: fast to boot, with everything installed and nothing configured.
set -eu
root=$1

cp -r --preserve=mode,timestamps "$REHOME_IMAGE_FILES/." "$root/"
install -d -m 700 "$root/root/.ssh"
install -m 600 "$REHOME_IMAGE_KEY.pub" "$root/root/.ssh/authorized_keys"
rm -f "$root"/etc/ssh/ssh_host_* # each machine gets keys of its own
chroot "$root" update-initramfs -u

# installed as an administrator has them before there is a cluster
chroot "$root" systemctl disable --quiet corosync pacemaker corosync-qdevice corosync-qnetd drbd
# starts when it is asked
chroot "$root" systemctl disable --quiet libvirtd.service
chroot "$root" systemctl enable --quiet systemd-networkd
chroot "$root" systemctl disable --quiet systemd-networkd-wait-online
# no timers: nothing of its own happens while a test runs
chroot "$root" systemctl mask --quiet \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer fstrim.timer e2scrub_reap.service \
  systemd-tmpfiles-clean.timer mdcheck_start.timer mdcheck_continue.timer mdmonitor-oneshot.timer

chroot "$root" /usr/local/lib/lab-guest/build
