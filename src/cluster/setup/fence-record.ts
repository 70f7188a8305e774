import { createHash } from "node:crypto";
import { writeXml, type XmlElement } from "../../lib/xml.js";
import { findResource, setNodeAttribute } from "../cib/edit.js";
import { findPath, pairValue, type Edit } from "../cib/tree.js";
import { fencingId } from "./cib/fencing.js";
import type { Member } from "./members.js";

/** The attribute of a node that says when its fencing was last seen to work, and with which device. */
const ATTRIBUTE = "fencing-tested";

/** Records in the CIB that a member's fencing works, with its device as it is now. @throws RehomeError node-unknown */
export function recordFenced(name: string, at: Date): Edit {
  return (cib) => {
    const device = deviceDigest(cib, name);
    return device === undefined ? cib : setNodeAttribute(cib, name, ATTRIBUTE, `${at.toISOString()} ${device}`);
  };
}

/** Members whose fencing was never seen to work, or whose device is another one since; all without a CIB. */
export function untestedMembers(
  cib: XmlElement | undefined,
  members: readonly Pick<Member, "name">[],
): readonly string[] {
  const names = members.map(({ name }) => name);
  if (cib === undefined) return names;
  const nodes = findPath(cib, ["configuration", "nodes"])?.children ?? [];
  return names.filter((name) => {
    const node = nodes.find(({ attributes }) => attributes["uname"] === name);
    const [, device] = (node && pairValue(node, "instance_attributes", ATTRIBUTE))?.split(" ") ?? [];
    return device === undefined || device !== deviceDigest(cib, name);
  });
}

/** Changes whenever a fencing device is set up differently; undefined when there is none. */
function deviceDigest(cib: XmlElement, name: string): string | undefined {
  const device = findResource(cib, fencingId(name));
  if (device === undefined) return undefined;
  const parameters = device.children.filter((child) => child.name === "instance_attributes");
  const { type = "" } = device.attributes;
  return createHash("sha256")
    .update([type, ...parameters.map(writeXml)].join("\n"))
    .digest("hex")
    .slice(0, 16);
}
