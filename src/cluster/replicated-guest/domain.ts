import { RehomeError } from "../../lib/errors.js";
import { childOf, descendantsOf, element, parseXml, writeXml, type XmlElement } from "../../lib/xml.js";
import { stableUuid } from "../libvirt/domain-xml.js";
import { domainFlaws } from "./domain-flaws.js";
import { LEFT_OUT } from "./domain-rules.js";
import { interfaces, memoryOf, textOf } from "./domain-values.js";
import type { GuestDomain } from "./types.js";

const MARK = "<!-- Written by rehome: a guest of the cluster, which starts it from here; libvirt must not define it.\n";
const HOW = "     To change it: rehome cluster add with another domain XML; it counts from the next start on. -->\n";

/**
 * Reads a guest's domain XML, which nobody has looked at, and refuses whatever it should not have. Its disks must be
 * the devices of its volume, all of them.
 * @param source what errors call it
 * @throws RehomeError xml-malformed, domain-refused with everything that is wrong
 */
export function readDomain(text: string, source: string, name: string, devices: readonly string[]): GuestDomain {
  const root = parseXml(text, source);
  const [flaw, ...others] = domainFlaws(root, name, devices);
  if (flaw !== undefined) {
    throw new RehomeError("domain-refused", flaw.message, {
      path: source,
      line: flaw.line,
      ...(others.length > 0 && { output: others.map(({ line, message }) => `line ${line}: ${message}`).join("\n") }),
      remedy: "correct it; of a guest that runs, virsh dumpxml --inactive prints what can be used",
    });
  }
  const macs = descendantsOf(root, "mac").map(({ attributes }) => attributes["address"] ?? "");
  const uuid = childOf(root, "uuid")?.text.trim() ?? stableUuid(name, macs);
  const os = childOf(root, "os");
  const cpu = childOf(root, "cpu");
  const files = ["kernel", "initrd", "loader"].flatMap((each) => textOf(os, each) ?? []);
  return {
    name,
    uuid,
    hypervisor: root.attributes["type"] === "qemu" ? "qemu" : "kvm",
    machine: (os && childOf(os, "type")?.attributes["machine"]) ?? "",
    cpu: cpu && { mode: cpu.attributes["mode"] ?? "custom", text: writeXml(cpu) },
    vcpus: Number(textOf(root, "vcpu") ?? 1),
    memory: memoryOf(root),
    bridges: [...new Set(interfaces(root).map((nic) => childOf(nic, "source")?.attributes["bridge"] ?? ""))],
    files,
    usesUefi: os?.attributes["firmware"] === "efi" || textOf(os, "loader") !== undefined,
    text: `${MARK}${HOW}${writeXml(withIdentity(root, name, uuid))}`,
  };
}

/** The domain without what was left out, its identity always the same. */
function withIdentity(root: XmlElement, name: string, uuid: string): XmlElement {
  const kept = root.children.filter((child) => !LEFT_OUT.has(child.name) && !["name", "uuid"].includes(child.name));
  return element("domain", { type: root.attributes["type"] }, [
    element("name", {}, name), // on a line of its own, or VirtualDomain does not find it
    element("uuid", {}, uuid),
    ...kept,
  ]);
}
