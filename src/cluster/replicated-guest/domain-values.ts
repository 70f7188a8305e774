import { childOf, childrenOf, type XmlElement } from "../../lib/xml.js";

/** What a domain XML says, before anybody has checked it. */

export function interfaces(root: XmlElement): readonly XmlElement[] {
  return childrenOf(childOf(root, "devices") ?? root, "interface");
}

/** Powers of two and of ten, as libvirt has them; KiB without a unit. */
const UNITS: Readonly<Record<string, number>> = {
  ...{ b: 1, bytes: 1, KB: 1e3, k: 1024, KiB: 1024, MB: 1e6, M: 1024 ** 2, MiB: 1024 ** 2 },
  ...{ GB: 1e9, G: 1024 ** 3, GiB: 1024 ** 3, TB: 1e12, T: 1024 ** 4, TiB: 1024 ** 4 },
};

/** Memory in bytes; NaN when it cannot be told. */
export function memoryOf(root: XmlElement): number {
  const found = childOf(root, "memory");
  return Number(found?.text.trim()) * (UNITS[found?.attributes["unit"] ?? "KiB"] ?? Number.NaN);
}

/** The text of a child, trimmed. */
export function textOf(at: XmlElement | undefined, name: string): string | undefined {
  return at && childOf(at, name)?.text.trim();
}
