import { createHash } from "node:crypto";
import { printable } from "../../lib/printable.js";
import { element, writeXml, type XmlElement } from "../../lib/xml.js";
import type { DomainDisk, DomainNic, DomainSpec } from "./types.js";

const KIB = 1024;

/**
 * What an emulated guest has: x86-64-v2, which newer distributions want, and no AVX. QEMU's default lacks the one; `max`
 * has the other, which QEMU 7.2 emulates wrongly, so that programs of the guest die at random.
 */
export const EMULATED_CPU = "Nehalem";

/**
 * A guest's libvirt domain XML (https://libvirt.org/formatdomain.html). `<name>` stands on a line of its own, because
 * the VirtualDomain agent finds it with sed.
 *
 * BIOS guests get the i440fx machine: on its PCI bus virtio devices are transitional, so that kernels from before
 * virtio 1.0 (CentOS 6, Debian 7) see them too; on q35 they are PCI Express devices, which those kernels' drivers
 * ignore. UEFI guests are young enough for q35.
 */
export function domainXml(spec: DomainSpec): string {
  const memory = Math.ceil(spec.memory / KIB);
  return writeXml(
    element("domain", { type: spec.hypervisor.type }, [
      element("name", {}, spec.name),
      element(
        "uuid",
        {},
        spec.uuid ??
          stableUuid(
            spec.name,
            spec.nics.map((nic) => nic.mac),
          ),
      ),
      ...(spec.title === undefined ? [] : [element("title", {}, oneLine(spec.title))]),
      element("memory", { unit: "KiB" }, `${memory}`),
      element("currentMemory", { unit: "KiB" }, `${memory}`),
      element("vcpu", { placement: "static" }, `${spec.vcpus}`),
      os(spec),
      element("features", {}, [element("acpi"), element("apic"), element("pae")]),
      cpu(spec),
      clock(),
      // The cluster decides what happens to a guest that ends: libvirt must not bring it back behind its back.
      element("on_poweroff", {}, "destroy"),
      element("on_reboot", {}, "restart"),
      element("on_crash", {}, "destroy"),
      element("pm", {}, [element("suspend-to-mem", { enabled: "no" }), element("suspend-to-disk", { enabled: "no" })]),
      devices(spec),
    ]),
  );
}

/** libvirt takes no line feeds in a title, and no XML control characters: names of a guest's own may have both. */
function oneLine(title: string): string {
  return printable(title).replace(/\s+/g, " ");
}

/** The same for the same guest: software licences and DHCP leases hang on it. A UUID of version 8 (RFC 9562). */
export function stableUuid(name: string, macs: readonly string[]): string {
  const text = [name, ...macs].join(" ");
  const hex = createHash("sha256").update(`rehome guest ${text}`).digest("hex");
  const variant = ((Number.parseInt(hex.charAt(16), 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join("-");
}

function os(spec: DomainSpec): XmlElement {
  const machine = spec.hypervisor.machines[spec.firmware];
  const type = element("type", { arch: "x86_64", machine }, "hvm");
  if (spec.firmware === "bios") return element("os", {}, [type]);
  return element("os", { firmware: "efi" }, [
    type,
    element("firmware", {}, [element("feature", { enabled: "no", name: "secure-boot" })]),
  ]);
}

/** Under KVM what the host has, or what all hosts have. */
function cpu(spec: DomainSpec): XmlElement {
  const model = spec.hypervisor.type === "qemu" ? EMULATED_CPU : spec.cpuModel;
  if (model === undefined) return element("cpu", { mode: "host-model", check: "partial" });
  // models have flags that some processors of their kind lack: those are left out, instead of the guest not starting
  return element("cpu", { mode: "custom", match: "exact", check: "none" }, [
    element("model", { fallback: "allow" }, model),
  ]);
}

function clock(): XmlElement {
  return element("clock", { offset: "utc" }, [
    element("timer", { name: "rtc", tickpolicy: "catchup" }),
    element("timer", { name: "pit", tickpolicy: "delay" }),
    element("timer", { name: "hpet", present: "no" }),
  ]);
}

function devices(spec: DomainSpec): XmlElement {
  return element("devices", {}, [
    ...spec.disks.map(disk),
    ...spec.nics.map(nic),
    serial(spec),
    element("console", { type: "pty" }, [element("target", { type: "serial", port: "0" })]),
    element("channel", { type: "unix" }, [element("target", { type: "virtio", name: "org.qemu.guest_agent.0" })]),
    // The screen of a guest that does not answer, for `virsh screenshot` and viewers on this host only.
    element("graphics", { type: "vnc" }, [element("listen", { type: "socket" })]),
    element("video", {}, [element("model", { type: "vga" })]),
    element("memballoon", { model: "virtio" }),
    element("rng", { model: "virtio" }, [element("backend", { model: "random" }, "/dev/urandom")]),
    // A panic ends the guest, so that the cluster sees it and starts it again.
    element("panic", { model: "isa" }),
  ]);
}

function disk(given: DomainDisk, index: number): XmlElement {
  const block = given.kind === "block";
  return element("disk", { type: given.kind, device: "disk" }, [
    element("driver", {
      name: "qemu",
      type: given.format,
      cache: "none",
      // Native I/O is asynchronous on block devices only: in a sparse file an allocating write blocks the whole guest.
      io: block ? "native" : "threads",
      discard: "unmap",
    }),
    element("source", block ? { dev: given.path } : { file: given.path }),
    element("target", { dev: given.device, bus: "virtio" }),
    ...(given.serial === undefined ? [] : [element("serial", {}, virtioSerial(given.serial))]),
    element("boot", { order: `${index + 1}` }),
  ]);
}

/** virtio-blk shows 20 characters of a serial; libvirt allows letters, digits and ` .+_-` in it. */
export function virtioSerial(serial: string): string {
  return serial
    .trim()
    .replace(/[^A-Za-z0-9 .+_-]/g, "_")
    .slice(0, 20);
}

function nic(given: DomainNic): XmlElement {
  return element("interface", { type: "bridge" }, [
    element("mac", { address: given.mac }),
    element("source", { bridge: given.bridge }),
    element("model", { type: "virtio" }),
  ]);
}

function serial(spec: DomainSpec): XmlElement {
  return element("serial", { type: "pty" }, [
    element("log", { file: spec.consoleLog, append: "on" }),
    element("target", { type: "isa-serial", port: "0" }),
  ]);
}
