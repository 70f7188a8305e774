import { parseXml, type XmlElement } from "../../../lib/xml.js";
import type { Domain, DomainDisk } from "../types.js";
import { backendOf } from "./disk-spec.js";
import { bootOf, given, macOf, typeOf, type BootFacts } from "./facts.js";

const UNITS: Readonly<Record<string, number>> = { b: 1, bytes: 1, KiB: 1024, k: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

/**
 * A domain as libvirt's Xen driver describes it (`virsh dumpxml`), off as long as it has no id.
 * @throws RehomeError xml-malformed
 */
export function parseVirshDomain(xml: string, where: string): Domain {
  const root = parseXml(xml, where);
  const id = Number(root.attributes["id"]);
  const boot = bootFacts(root);
  const memory = child(root, "currentMemory") ?? child(root, "memory");
  return {
    name: textOf(root, "name") ?? where,
    uuid: textOf(root, "uuid")?.toLowerCase(),
    id: Number.isInteger(id) && id > 0 ? id : undefined,
    state: Number.isInteger(id) && id > 0 ? "running" : "off",
    type: typeOf(boot),
    vcpus: Number(child(root, "vcpu")?.attributes["current"] ?? textOf(root, "vcpu") ?? 1),
    memory: Number(memory?.text ?? 0) * (UNITS[memory?.attributes["unit"] ?? "KiB"] ?? 1024),
    boot: bootOf(boot),
    disks: devices(root, "disk").flatMap(parseDisk),
    nics: devices(root, "interface").map((nic) => ({
      mac: macOf(child(nic, "mac")?.attributes["address"]),
      bridge: child(nic, "source")?.attributes["bridge"],
      model: child(nic, "model")?.attributes["type"],
    })),
    autostart: undefined,
    configPath: undefined,
  };
}

function bootFacts(root: XmlElement): BootFacts {
  const os = child(root, "os");
  const type = os === undefined ? undefined : textOf(os, "type");
  const loader = os === undefined ? undefined : child(os, "loader");
  const uefi = loader?.attributes["type"] === "pflash" || /ovmf/i.test(loader?.text ?? "");
  return {
    type: type === "xen" || type === "linux" ? "pv" : (type ?? undefined)?.replace("xenpvh", "pvh"),
    kernel: os && textOf(os, "kernel"),
    ramdisk: os && textOf(os, "initrd"),
    commandLine: (os && textOf(os, "cmdline")) ?? "",
    bootloader: textOf(root, "bootloader"),
    firmware: uefi ? "ovmf" : undefined,
  };
}

function parseDisk(disk: XmlElement): readonly DomainDisk[] {
  const device = child(disk, "target")?.attributes["dev"];
  if (device === undefined) return [];
  const { file, dev, name } = child(disk, "source")?.attributes ?? {};
  const path = dev ?? file ?? name ?? "";
  const format = child(disk, "driver")?.attributes["type"] ?? "raw";
  const cdrom = disk.attributes["device"] === "cdrom";
  const backend = dev === undefined && file === undefined && name !== undefined ? "other" : backendOf(format, path);
  return [{ device, path, backend, writable: !cdrom && child(disk, "readonly") === undefined, cdrom }];
}

function devices(root: XmlElement, name: string): readonly XmlElement[] {
  return child(root, "devices")?.children.filter((one) => one.name === name) ?? [];
}

function child(element: XmlElement, name: string): XmlElement | undefined {
  return element.children.find((one) => one.name === name);
}

function textOf(element: XmlElement, name: string): string | undefined {
  return given(child(element, name)?.text.trim());
}
