import { descendantsOf, type XmlElement } from "../../lib/xml.js";
import { findPath, pairValue } from "./tree.js";

/** A configured device that cuts nodes off. */
export interface FenceDevice {
  readonly id: string;
  /** The fence agent. */
  readonly type: string;
  readonly params: Readonly<Record<string, string>>;
}

/**
 * The fencing devices of a configuration, in its order. A device need not be started to be used; one with the
 * target-role Stopped is switched off ("Pacemaker Explained", "Fencing").
 */
export function fenceDevicesOf(cib: XmlElement): readonly FenceDevice[] {
  const resources = findPath(cib, ["configuration", "resources"]);
  return descendantsOf(resources ?? cib, "primitive")
    .filter((primitive) => primitive.attributes["class"] === "stonith")
    .filter((primitive) => pairValue(primitive, "meta_attributes", "target-role")?.toLowerCase() !== "stopped")
    .map((primitive) => ({
      id: primitive.attributes["id"] ?? "",
      type: primitive.attributes["type"] ?? "",
      params: parametersOf(primitive),
    }));
}

/** Of several sets that say something of a parameter, the first counts. */
function parametersOf(primitive: XmlElement): Readonly<Record<string, string>> {
  const pairs = primitive.children
    .filter((set) => set.name === "instance_attributes")
    .flatMap((set) => set.children)
    .filter((pair) => pair.name === "nvpair" && pair.attributes["value"] !== undefined)
    .map((pair) => [pair.attributes["name"] ?? "", pair.attributes["value"] ?? ""] as const);
  return Object.fromEntries(pairs.reverse());
}
