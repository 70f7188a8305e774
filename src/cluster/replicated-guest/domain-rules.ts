/**
 * What a guest's domain XML (https://libvirt.org/formatdomain.html) may have. Everything that is not named here is
 * refused: an element that nobody thought of may open a file of the host, or start a program on it, as root.
 */

/** Elements below `<domain>`. */
export const TOP_LEVEL: ReadonlySet<string> = new Set([
  ...["name", "uuid", "title", "description", "memory", "currentMemory", "vcpu", "iothreads", "cputune", "sysinfo"],
  ...["os", "features", "cpu", "clock", "on_poweroff", "on_reboot", "on_crash", "pm", "devices"],
]);

/** Of programs, for programs: not needed by a guest, and left out. */
export const LEFT_OUT: ReadonlySet<string> = new Set(["metadata"]);

/** Devices, and which types each may have; undefined where the type says nothing about the host. */
export const DEVICES: Readonly<Record<string, readonly string[] | undefined>> = {
  emulator: undefined,
  disk: ["block"],
  controller: undefined,
  interface: ["bridge"],
  serial: ["pty", "null"],
  parallel: ["pty", "null"],
  console: ["pty", "null"],
  channel: ["unix", "spicevmc"],
  input: undefined,
  graphics: ["vnc", "spice"],
  video: undefined,
  sound: undefined,
  audio: ["none", "spice"],
  memballoon: undefined,
  rng: undefined,
  panic: undefined,
  watchdog: undefined,
};

/** Elements below devices that reach for something on the host. */
export const DEVICE_CHILDREN: Readonly<Record<string, ReadonlySet<string>>> = {
  disk: new Set(["driver", "source", "target", "serial", "boot", "address", "alias", "iotune", "blockio", "wwn"]),
  interface: new Set(["mac", "source", "model", "driver", "target", "boot", "address", "alias", "link", "mtu"]),
};

/** A guest that ended is the cluster's business: libvirt must not bring it back, nor keep it. */
export const EVENTS: Readonly<Record<string, readonly string[]>> = {
  on_poweroff: ["destroy"],
  on_reboot: ["restart", "destroy"],
  on_crash: ["destroy"],
};

/** Where libvirt keeps what hosts write about guests; both of them have it. */
export const CONSOLES = "/var/log/libvirt/qemu";
const RUN = "/var/lib/libvirt/qemu/";
const NVRAM = "/var/lib/libvirt/qemu/nvram/";

/** Texts and attributes that are paths of the host, by where they stand, and what each may be. */
export const PATHS: Readonly<Record<string, (path: string) => boolean>> = {
  "devices/emulator": isOneOf("/usr/bin/qemu-system-x86_64", "/usr/bin/kvm"),
  "devices/rng/backend": isOneOf("/dev/urandom", "/dev/random"),
  "devices/serial/log@file": isBelow(`${CONSOLES}/`),
  "devices/console/log@file": isBelow(`${CONSOLES}/`),
  "devices/channel/source@path": isBelow(RUN),
  "devices/graphics@socket": isBelow(RUN),
  "devices/graphics/listen@socket": isBelow(RUN),
  // these are compared on both hosts
  "os/kernel": isBelow("/boot/", "/usr/", "/var/lib/libvirt/"),
  "os/initrd": isBelow("/boot/", "/usr/", "/var/lib/libvirt/"),
  "os/loader": isBelow("/usr/share/"),
  "os/nvram": isBelow(NVRAM),
  "os/nvram@template": isBelow("/usr/share/"),
  // checked against the volume
  "devices/disk/source@dev": isBelow("/dev/"),
};

/** Attributes that name something of the host where they are not listed in PATHS, and what else they may be. */
export const NAMING: Readonly<Record<string, RegExp>> = {
  dev: /^[\w.-]{1,15}$/, // a device inside the guest (vda), a boot device (hd), the host's end of a NIC (vnet0)
};
export const NAMES_A_FILE: ReadonlySet<string> = new Set([
  ...["file", "dir", "path", "socket", "template", "script", "downscript", "passwd", "dbus-address", "rendernode"],
]);

/** Texts that are for the guest or for people, whatever they begin with. */
export const FREE_TEXT: ReadonlySet<string> = new Set(["title", "description", "os/cmdline", "sysinfo/system/entry"]);

/** Addresses at which a guest's screen may be seen: this host only. */
export const LOCAL: readonly string[] = ["127.0.0.1", "::1", "localhost"];

function isOneOf(...paths: readonly string[]): (path: string) => boolean {
  return (path) => paths.includes(path);
}

/** Without a way back up. */
function isBelow(...folders: readonly string[]): (path: string) => boolean {
  const isPlain = (path: string): boolean => !path.split("/").some((part) => part === ".." || part === ".");
  return (path) => isPlain(path) && folders.some((folder) => path.startsWith(folder));
}
