import { bootSector, gptSectors, grubCode, type Recorded } from "./recorded.js";

/**
 * What templates/inspect.sh prints on machines that no test can have, written down from the documentation and sources
 * of what they run.
 */

/** CentOS 5.11 on an HP server: cciss disks, LVM, GRUB legacy; no mountinfo, no lsblk, no names of dm devices in sysfs. */
export const CENTOS_5: Recorded = {
  clock: "1699999990 500000000",
  identity:
    "uid 0\nhostname db1.example.org\nkernel 2.6.18-398.el5\narchitecture x86_64\nboot-id 11111111-2222\nboot-time 1690000000",
  firmware: "bios",
  cpuinfo: "processor\t: 0\nmodel name\t: Intel(R) Xeon(R) CPU  E5420  @ 2.50GHz\nprocessor\t: 1\nmodel name\t: x",
  memory: "MemTotal:      8174436 kB\nMemFree:        100000 kB",
  hypervisor: "dmi-vendor HP\ndmi-product ProLiant DL380 G5",
  release: 1,
  "release-old":
    "file /etc/lsb-release\n| LSB_VERSION=core-4.0-amd64\nfile /etc/redhat-release\n| CentOS release 5.11 (Final)",
  blocks: `block disk cciss!c0d0
dev 104:0
size 143305920
ro 0
removable 0
hw-sector 512
vendor HP
model LOGICAL VOLUME
device yes
block partition cciss!c0d0p1
dev 104:1
size 208782
start 63
block partition cciss!c0d0p2
dev 104:2
size 143090010
start 208845
block disk dm-0
dev 253:0
size 134217728
slave cciss!c0d0p2
block disk dm-1
dev 253:1
size 4194304
slave cciss!c0d0p2
block disk sda
dev 8:0
size 0
device yes`,
  udev: "disk cciss!c0d0\nID_SERIAL=3600508b1001037383941424344450000",
  "by-id": "/dev/cciss/c0d0 /dev/disk/by-id/cciss-3600508b1001037383941424344450000",
  mapper: "",
  sectors: `sectors cciss!c0d0 512
${bootSector(grubCode("legacy"), 0x000a1b2c, [
  [0x83, 63, 208782],
  [0x8e, 208845, 143090010],
])}
sectors cciss!c0d0p1 512`,
  formats: `/dev/mapper/VolGroup00-LogVol01: TYPE="swap" LABEL="SWAP" UUID="s-1"
/dev/mapper/VolGroup00-LogVol00: UUID="r-1" TYPE="ext3"
/dev/cciss/c0d0p1: LABEL="/boot" UUID="b-1" TYPE="ext3" SEC_TYPE="ext2"
/dev/cciss/c0d0p2: UUID="p-1" TYPE="lvm2pv"`,
  "formats-lsblk": 127,
  dm: "VolGroup00-LogVol01|253|1|LVM-abc\nVolGroup00-LogVol00|253|0|LVM-def",
  vgs: "  VolGroup00|u-1|73249325056|0|33554432",
  pvs: "  /dev/cciss/c0d0p2|VolGroup00|p-1",
  lvs: "  VolGroup00|LogVol00|68719476736|linear|\n  VolGroup00|LogVol01|2147483648|linear|",
  raid: "",
  mounts: "mount 253:0 ext3 / /dev/root\nmount 104:1 ext3 /boot /dev/cciss/c0d0p1",
  usage: `Filesystem         1024-blocks      Used Available Capacity Mounted on
/dev/mapper/VolGroup00-LogVol00  65008024  5113984  56538460       9% /
/dev/cciss/c0d0p1       101086     45313     50554      48% /boot`,
  kernels: `kernel 2.6.18-398.el5
CONFIG_VIRTIO_BLK=m
CONFIG_VIRTIO_PCI=m
config yes
initramfs /boot/initrd-2.6.18-398.el5.img
initramfs-entries 60
initramfs-init yes`,
  "boot-files": "/boot/grub/menu.lst\n/boot/grub/grub.conf\n/boot/grub/stage2",
  nics: "nic eth0\nmac 00:1c:c4:00:00:01\ntype 1\nflags 0x1003\noperstate unknown\ndevice yes\nnic lo\nmac 00:00:00:00:00:00\ntype 772\nflags 0x9\nnic sit0\nmac 0.0.0.0\ntype 776\nflags 0x80",
  bonds: "",
  addresses:
    "1: lo    inet 127.0.0.1/8 scope host lo\n2: eth0    inet 192.0.2.20/24 brd 192.0.2.255 scope global eth0\n2: eth0    inet6 fe80::21c:c4ff:fe00:1/64 scope link \\       valid_lft forever",
  routes:
    "192.0.2.0/24 dev eth0  proto kernel  scope link  src 192.0.2.20 \n169.254.0.0/16 dev eth0  scope link \ndefault via 192.0.2.1 dev eth0 ",
  routes6: "fe80::/64 dev eth0  metric 256  expires 21322sec mtu 1500",
  resolver: "search example.org\nnameserver 192.0.2.53",
  "resolver-systemd": "",
  "clock-end": "1699999990 500000000",
};

/** Debian 6 with two bonded cards and a degraded RAID 1 below everything, started by GRUB 2. */
export const DEBIAN_6: Recorded = {
  ...CENTOS_5,
  identity: "uid 0\nhostname mail\nkernel 2.6.32-5-amd64\narchitecture x86_64\nboot-time 1690000000",
  hypervisor: "dmi-vendor VMware, Inc.\ndmi-product VMware Virtual Platform\ncpu-flag yes",
  release: 1,
  "release-old": "file /etc/debian_version\n| 6.0.10",
  blocks: `block disk md0
dev 9:0
size 20000000
md-level raid1
md-degraded 1
slave sda1
block disk sda
dev 8:0
size 41943040
logical 512
device-serial  
model Virtual disk
device yes
block partition sda1
dev 8:1
size 20000000
start 2048
block disk sdb
dev 8:16
size 41943040
logical 512
device yes
block partition sdb1
dev 8:17
size 20000000
start 2048`,
  udev: "disk sda\ndisk sdb\nID_SERIAL=36000c29\nID_SERIAL_SHORT=6000c29",
  "by-id": "",
  sectors: `sectors sda 512
${bootSector(grubCode("2"), 0xdeadbeef, [[0xfd, 2048, 20000000]])}
sectors sda1 512
sectors sdb 512
${bootSector(grubCode("2"), 0xdeadbee0, [[0xfd, 2048, 20000000]])}
sectors sdb1 512`,
  formats: `/dev/sda1: UUID="m-1" TYPE="linux_raid_member"
/dev/sdb1: UUID="m-1" TYPE="linux_raid_member"
/dev/md0: LABEL="a \\"b\\" \\\\" UUID="f-1" TYPE="ext3"`,
  dm: 127,
  vgs: 127,
  pvs: 127,
  lvs: 127,
  raid: "Personalities : [raid1] \nmd0 : active raid1 sda1[0]\n      9999999 blocks super 1.2 [2/1] [U_]\n      \nunused devices: <none>",
  mounts:
    "15 1 9:0 / / rw - ext3 /dev/disk/by-uuid/f-1 rw\n16 15 9:0 /srv /chroot rw - ext3 /dev/md0 rw\n17 15 0:3 / /proc rw - proc proc rw",
  usage: "Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/md0 9843276 3000000 6343276 33% /",
  kernels:
    "kernel 2.6.32-5-amd64\nCONFIG_VIRTIO_BLK=m\nCONFIG_VIRTIO_PCI=m\nconfig yes\ninitramfs /boot/initrd.img-2.6.32-5-amd64",
  "boot-files": "/boot/grub/grub.cfg\n/boot/grub/core.img",
  nics: "nic bond0\nmac 00:50:56:00:00:01\ntype 1\nflags 0x1403\noperstate up\nnic eth0\nmac 00:50:56:00:00:01\ntype 1\nflags 0x1843\noperstate up\ndevice yes\nnic eth1\nmac 00:50:56:00:00:01\ntype 1\nflags 0x1843\noperstate up\ndevice yes",
  bonds:
    "Slave Interface: eth0\nPermanent HW addr: 00:50:56:00:00:01\nSlave Interface: eth1\nPermanent HW addr: 00:50:56:00:00:02",
  addresses: "4: bond0    inet 192.0.2.30/24 brd 192.0.2.255 scope global bond0",
  routes: "default via 192.0.2.1 dev bond0 ",
  routes6: "",
};

/** Ubuntu 22.04 with UEFI, NVMe, an encrypted root on LVM, and virtio in the kernel itself. */
export const UBUNTU_UEFI: Recorded = {
  ...CENTOS_5,
  identity: "uid 0\nhostname app\nkernel 5.15.0-91-generic\narchitecture x86_64\nboot-id b-2",
  firmware: "uefi",
  memory: "MemTotal:       16256396 kB\nblock-size 8000000\nblocks-online 128",
  hypervisor: "vm none\ncontainer none\ndmi-vendor LENOVO",
  release:
    '/etc/os-release\nPRETTY_NAME="Ubuntu 22.04.3 LTS"\nNAME="Ubuntu"\nVERSION_ID=\'22.04\'\nID=ubuntu\nID_LIKE=debian',
  "release-old": "",
  blocks: `block disk dm-0
dev 253:0
size 900000
dm-name nvme0n1p3_crypt
dm-uuid CRYPT-LUKS2-abc-nvme0n1p3_crypt
slave nvme0n1p3
block disk dm-1
dev 253:1
size 800000
dm-name ubuntu--vg-root
dm-uuid LVM-xyz
slave dm-0
block disk nvme0c0n1
dev 259:9
size 2000000
hidden 1
block disk nvme0n1
dev 259:0
size 2000000
logical 512
rotational 0
device-serial S5GXNF0R123456A   
model Samsung SSD 980
device yes
block partition nvme0n1p1
dev 259:1
size 2048
start 2048
block partition nvme0n1p3
dev 259:3
size 950000
start 6144
block disk rbd0
dev 252:0
size 4096`,
  udev: "",
  "by-id":
    "/dev/nvme0n1 /dev/disk/by-id/nvme-eui.0025385\n/dev/nvme0n1 /dev/disk/by-id/nvme-Samsung_SSD_980_S5GXNF0R123456A\n/dev/nvme0n1p1 /dev/disk/by-id/nvme-Samsung_SSD_980_S5GXNF0R123456A-part1",
  sectors: `sectors nvme0n1 512\n${gptSectors([0x33, 0x22, 0x11, 0x00, 0x55, 0x44, 0x77, 0x66, 0x88, 0x99, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff])}`,
  formats:
    '/dev/nvme0n1p1: UUID="E-1" TYPE="vfat" PARTLABEL="EFI TYPE=\\"x\\"" PARTUUID="1"\n/dev/nvme0n1p3: UUID="L-1" TYPE="crypto_LUKS"',
  "formats-lsblk":
    'NAME="ubuntu--vg-root" FSTYPE="ext4" UUID="R-1" LABEL=""\nNAME="nvme0n1p3_crypt" FSTYPE="LVM2_member" UUID="P-1" LABEL=""',
  dm: "",
  vgs: "  ubuntu-vg|u|460000000|50000000|4194304",
  pvs: "  /dev/mapper/nvme0n1p3_crypt|ubuntu-vg|p\n  [unknown]|ubuntu-vg|q",
  lvs: "  ubuntu-vg|root|400000000|linear|\n  ubuntu-vg|root|9000000|striped|\n  ubuntu-vg|snap|1000000|linear|root",
  mounts:
    "22 1 253:1 / / rw shared:1 - ext4 /dev/mapper/ubuntu--vg-root rw\n30 22 259:1 / /boot/efi rw - vfat /dev/nvme0n1p1 rw\n31 22 253:1 / /mnt/with\\040space rw - ext4 /dev/mapper/ubuntu--vg-root rw",
  kernels:
    "kernel 5.15.0-91-generic\nCONFIG_VIRTIO_BLK=y\nCONFIG_VIRTIO_PCI=y\nCONFIG_SCSI_VIRTIO=y\nconfig yes\ninitramfs /boot/initrd.img-5.15.0-91-generic",
  "boot-files": "/boot/grub/grub.cfg\n/boot/efi/EFI/ubuntu/grubx64.efi",
  resolver: "nameserver 127.0.0.53",
  "resolver-systemd": "nameserver 192.0.2.53\nnameserver 2001:db8::53",
};

/** A machine with little more than busybox: no ip, no blkid, no nanoseconds, GRUB nowhere; not root. */
export const BUSYBOX: Recorded = {
  clock: "1699999999 ",
  identity: "uid 1000\nhostname router\nkernel 6.6.7-0-lts\narchitecture x86_64\nboot-id b-3",
  firmware: "bios",
  cpuinfo: "processor\t: 0",
  memory: "MemTotal:  500000 kB",
  hypervisor: "cpu-flag yes",
  release: 1,
  "release-old": "file /etc/alpine-release\n| 3.19.0",
  blocks: "block disk vda\ndev 254:0\nsize 4194304\ndevice yes",
  udev: 127,
  "by-id": "",
  mapper: "",
  sectors: "sectors vda 512",
  formats: 127,
  "formats-lsblk": 127,
  dm: 127,
  vgs: 127,
  pvs: 127,
  lvs: 127,
  raid: "",
  mounts: "mount ? ext4 / /dev/vda",
  usage: "df: /: can't find mount point",
  kernels: "",
  "boot-files": "",
  nics: "nic eth0\nmac 52:54:00:00:00:09\ntype 1\nflags 0x1003\noperstate up\ndevice yes",
  bonds: "",
  addresses: 127,
  "addresses-old": `eth0      Link encap:Ethernet  HWaddr 52:54:00:00:00:09
          inet addr:192.0.2.40  Bcast:192.0.2.255  Mask:255.255.255.0
          inet6 addr: fe80::5054:ff:fe00:9/64 Scope:Link
          inet6 addr: 2001:db8::40/64 Scope:Global
eth0:1    Link encap:Ethernet  HWaddr 52:54:00:00:00:09
          inet addr:198.51.100.7  Bcast:198.51.100.127  Mask:255.255.255.128
lo        Link encap:Local Loopback
          inet addr:127.0.0.1  Mask:255.0.0.0`,
  routes: 127,
  routes6: 127,
  "routes-old": `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0`,
  resolver: "",
  "resolver-systemd": "",
  "clock-end": "1700000001 ",
};
