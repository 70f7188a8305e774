import { formatSize } from "../../lib/units.js";
import { table, wrap } from "../../lib/view/table.js";
import type { Domain, DomainBoot, DomainDisk, XenHost } from "../xen/types.js";

const WIDTH = 80;
const INDENT = 2;

/** A Xen host and its domains as lines for people, 80 columns wide as long as its names let them. */
export function describeXenHost(host: XenHost): readonly string[] {
  const { domains } = host;
  const count = domains.length === 1 ? "1 domain" : `${domains.length} domains`;
  return [
    `${host.hostname}: Xen ${host.version ?? "of an unknown version"} (${host.toolstack}), ${count}`,
    ...domains.flatMap((domain) => ["", ...describeDomain(domain)]),
    ...(host.unknown.length === 0 ? [] : ["", "not known", ...host.unknown.flatMap((text) => entry("- ", text))]),
  ];
}

function describeDomain(domain: Domain): readonly string[] {
  const { name, state, type, vcpus, memory, autostart, configPath } = domain;
  const start = autostart === undefined ? [] : [autostart ? "starts with the host" : "does not start with the host"];
  const facts = [state, type.toUpperCase(), vcpus === 1 ? "1 vCPU" : `${vcpus} vCPUs`, formatSize(memory), ...start];
  return [
    ...wrap(`${name}: ${facts.join(", ")}`, WIDTH),
    ...boot(domain.boot),
    ...entry("file     ", configPath ?? "none: only the running domain is known"),
    ...table(["", "", "", "", ""], domain.disks.map(diskRow), { indent: INDENT, right: [2] }).slice(1),
    ...domain.nics.flatMap(({ mac, bridge, model }) =>
      entry(
        "network  ",
        [mac ?? "a new MAC each time", `on ${bridge ?? "the default bridge"}`, model ?? ""].join(" ").trim(),
      ),
    ),
  ];
}

function diskRow({ device, path, backend, size, writable, cdrom }: DomainDisk): readonly string[] {
  const kind = cdrom ? "CD" : backend;
  return [
    `disk     ${device}`,
    kind,
    size === undefined ? "?" : formatSize(size),
    writable ? "rw" : "ro",
    path || "empty",
  ];
}

function boot(found: DomainBoot): readonly string[] {
  switch (found.kind) {
    case "firmware":
      return entry("boots    ", found.firmware === "uefi" ? "UEFI" : "BIOS");
    case "bootloader":
      return entry("boots    ", `what ${found.program} finds on its disk`);
    case "kernel":
      return [
        ...entry("boots    ", `${found.kernel}, a file of the host`),
        ...(found.ramdisk === undefined ? [] : entry("ramdisk  ", found.ramdisk)),
        ...(found.commandLine === "" ? [] : entry("with     ", found.commandLine)),
      ];
  }
}

/** A line with what it is of in front, and what does not fit below. */
function entry(label: string, text: string): readonly string[] {
  const room = WIDTH - INDENT - label.length;
  return wrap(text, room).map(
    (line, index) => " ".repeat(INDENT) + (index === 0 ? label : " ".repeat(label.length)) + line,
  );
}
