import { entryOf } from "../../lib/entry-of.js";
import { childOf, childrenOf, type XmlElement } from "../../lib/xml.js";
import {
  DEVICE_CHILDREN,
  DEVICES,
  EVENTS,
  FREE_TEXT,
  LEFT_OUT,
  LOCAL,
  NAMES_A_FILE,
  NAMING,
  PATHS,
  TOP_LEVEL,
} from "./domain-rules.js";
import { memoryOf, textOf } from "./domain-values.js";

/** Something in a domain XML that a guest of the cluster must not have, or lacks. */
export interface Flaw {
  readonly line: number;
  readonly message: string;
}

/** All that is wrong with a guest's domain, in the order of its lines. @param devices that must be its disks */
export function domainFlaws(root: XmlElement, name: string, devices: readonly string[]): readonly Flaw[] {
  const flaws = [...rootFlaws(root, name), ...treeFlaws(root), ...deviceFlaws(root), ...diskFlaws(root, devices)];
  return flaws.toSorted((a, b) => a.line - b.line);
}

function rootFlaws(root: XmlElement, name: string): readonly Flaw[] {
  const { line, attributes } = root;
  if (root.name !== "domain") return [{ line, message: `it is a <${root.name}>, not a <domain>` }];
  const type = childOf(childOf(root, "os") ?? root, "type");
  const machine = type?.attributes["machine"] ?? "";
  const given = textOf(root, "name") ?? "";
  return [
    ...flawIf(!["kvm", "qemu"].includes(attributes["type"] ?? ""), root, "its type is neither kvm nor qemu"),
    ...flawIf(given !== name, childOf(root, "name") ?? root, `the domain is called "${given}", not "${name}"`),
    ...flawIf(type?.text.trim() !== "hvm", type ?? root, "it has no <os> with <type>hvm</type>"),
    ...flawIf(
      !/-\d+\.\d+$/.test(machine),
      type ?? root,
      `the machine type "${machine}" has no version: an upgrade of QEMU would change the guest's hardware`,
    ),
    ...flawIf(!(memoryOf(root) > 0), childOf(root, "memory") ?? root, "its memory is not a number with a unit"),
    ...flawIf(!/^[1-9]\d{0,3}$/.test(textOf(root, "vcpu") ?? "1"), childOf(root, "vcpu") ?? root, "vcpu is no number"),
    ...flawIf(!UUID.test(textOf(root, "uuid") ?? NO_UUID), childOf(root, "uuid") ?? root, "uuid is no UUID"),
    ...repeated(root),
  ];
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const NO_UUID = "00000000-0000-0000-0000-000000000000";

/** Where an element stands twice, one reader takes the first and another the last. */
function repeated(root: XmlElement): readonly Flaw[] {
  const once = [...TOP_LEVEL];
  return once.flatMap((name) => {
    const [, second] = childrenOf(root, name);
    return second === undefined ? [] : [{ line: second.line, message: `there is a second <${name}>` }];
  });
}

/** Elements and paths anywhere. */
function treeFlaws(root: XmlElement): readonly Flaw[] {
  return root.children
    .filter(({ name }) => !LEFT_OUT.has(name))
    .flatMap((child) =>
      TOP_LEVEL.has(child.name) ? below(child, child.name) : [{ line: child.line, message: notAllowed(child.name) }],
    );
}

function below(at: XmlElement, path: string): readonly Flaw[] {
  const { name, line, text, attributes } = at;
  const flaw = (message: string): Flaw => ({ line, message });
  const texts = text.trim();
  const isPath = entryOf(PATHS, path);
  const textIsBad = isPath === undefined ? texts.startsWith("/") && !FREE_TEXT.has(path) : !isPath(texts);
  const hasText = texts !== "" || (isPath !== undefined && at.children.length === 0 && !hasAttributePaths(path));
  return [
    ...(name.includes(":") ? [flaw(notAllowed(name))] : []),
    ...(name === "name" && path !== "name" ? [flaw("<name> stands in a second place")] : []),
    ...(hasText && textIsBad ? [flaw(`<${name}> is "${texts}": a guest of the cluster must not use that path`)] : []),
    ...(entryOf(EVENTS, path)?.includes(texts) === false
      ? [flaw(`${name} is "${texts}": what becomes of a guest that ended is the cluster's business`)]
      : []),
    ...Object.entries(attributes).flatMap(([key, value]) => attributeFlaw(path, key, value).map(flaw)),
    ...at.children.flatMap((child) => below(child, `${path}/${child.name}`)),
  ];
}

/** An element that may hold its path in an attribute (`<nvram template=…/>`) need not have a text. */
function hasAttributePaths(path: string): boolean {
  return Object.keys(PATHS).some((known) => known.startsWith(`${path}@`));
}

function attributeFlaw(path: string, key: string, value: string): readonly string[] {
  const place = `${path}@${key}`;
  const isAllowed = entryOf(PATHS, place);
  if (isAllowed !== undefined) return isAllowed(value) ? [] : [`${place} is "${value}", which a guest must not use`];
  if (NAMES_A_FILE.has(key)) return [`${place} is not allowed for a guest of the cluster`];
  if (value.startsWith("/") || entryOf(NAMING, key)?.test(value) === false || key.includes(":")) {
    return [`${place} is "${value}", which a guest must not use`];
  }
  return [];
}

function deviceFlaws(root: XmlElement): readonly Flaw[] {
  const devices = childOf(root, "devices")?.children ?? [];
  return devices.flatMap((device) => {
    const { name, line, attributes } = device;
    if (!Object.hasOwn(DEVICES, name)) return [{ line, message: notAllowed(name) }];
    const types = DEVICES[name];
    const type = attributes["type"] ?? "";
    if (types !== undefined && !types.includes(type) && !isEmptyDrive(device)) {
      return [{ line, message: `a ${name} of type "${type}" is not allowed: only ${types.join(", ")}` }];
    }
    const children = entryOf(DEVICE_CHILDREN, name);
    return [
      ...device.children
        .filter((child) => children !== undefined && !children.has(child.name))
        .map((child) => ({ line: child.line, message: `${notAllowed(child.name)} in a ${name}` })),
      ...(name === "interface" ? nicFlaws(device) : []),
      ...(name === "graphics" ? screenFlaws(device) : []),
    ];
  });
}

/** Without an address of its own the guest has another card after every start. */
function nicFlaws(nic: XmlElement): readonly Flaw[] {
  const mac = childOf(nic, "mac")?.attributes["address"] ?? "";
  return [
    ...flawIf(!/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i.test(mac), nic, "the network card has no MAC address of its own"),
    ...flawIf(childOf(nic, "source")?.attributes["bridge"] === undefined, nic, "the network card has no bridge"),
  ];
}

function screenFlaws(screen: XmlElement): readonly Flaw[] {
  const listens = childrenOf(screen, "listen");
  const addresses = [screen, ...listens].flatMap(
    ({ attributes }) => attributes["listen"] ?? attributes["address"] ?? [],
  );
  const types = listens.map(({ attributes }) => attributes["type"] ?? "");
  const isOpen = addresses.some((address) => !LOCAL.includes(address)) || types.includes("network");
  return flawIf(isOpen, screen, "its screen is open to the network: let it listen on 127.0.0.1 or a socket");
}

function diskFlaws(root: XmlElement, devices: readonly string[]): readonly Flaw[] {
  const disks = childrenOf(childOf(root, "devices") ?? root, "disk").filter((disk) => !isEmptyDrive(disk));
  const used = disks.map((disk) => childOf(disk, "source")?.attributes["dev"] ?? "");
  const all = devices.join(", ");
  return [
    ...disks.flatMap((disk, index) => {
      const { line, attributes } = disk;
      const dev = used[index] ?? "";
      const driver = childOf(disk, "driver")?.attributes ?? {};
      const source = childOf(disk, "source");
      const flaw = (message: string): Flaw => ({ line, message });
      return [
        ...((attributes["device"] ?? "disk") === "disk" ? [] : [flaw("a drive of the host is not replicated")]),
        ...(devices.includes(dev) ? [] : [flaw(`the disk "${dev}" is not of the guest's volume, which has ${all}`)]),
        ...(used.indexOf(dev) === index ? [] : [flaw(`${dev} is there twice`)]),
        ...(Object.keys(source?.attributes ?? {}).every((key) => key === "dev") && source?.children.length === 0
          ? []
          : [flaw("its <source> has more than a device")]),
        ...(driver["type"] === "raw"
          ? []
          : [flaw(`the disk's <driver> must say type="raw": a guest could forge any other format`)]),
        ...(driver["cache"] === "unsafe" ? [flaw("cache=unsafe loses what the guest has synced")] : []),
      ];
    }),
    ...devices
      .filter((device) => !used.includes(device))
      .map((device) => ({ line: root.line, message: `${device} of its volume is no disk of the guest` })),
  ];
}

/** A CD drive without a disc is harmless; what is put into it later is on one host only, and gone at the next start. */
function isEmptyDrive(device: XmlElement): boolean {
  return device.name === "disk" && device.attributes["device"] === "cdrom" && childOf(device, "source") === undefined;
}

function flawIf(condition: boolean, { line }: XmlElement, message: string): readonly Flaw[] {
  return condition ? [{ line, message }] : [];
}

function notAllowed(name: string): string {
  return `<${name}> is not allowed for a guest of the cluster`;
}
