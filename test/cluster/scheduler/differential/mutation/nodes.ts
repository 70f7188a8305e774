import { childOf, descendantsOf, element, type XmlElement } from "../../../../../src/lib/xml.js";
import { add, idOf, pickOf, withAttributes, withPair } from "./edit.js";
import type { Random } from "./random.js";

/** Undefined where there is nothing it could change. */
export type Mutation = (cib: XmlElement, random: Random) => XmlElement | undefined;

const configured = (cib: XmlElement, random: Random): XmlElement | undefined => {
  const section = descendantsOf(cib, "nodes")[0];
  return section && random.pick(section.children);
};

const nodeAttribute =
  (name: string, value: string): Mutation =>
  (cib, random) =>
    withPair(cib, configured(cib, random), "instance_attributes", [name, value]);

const state =
  (attributes: Readonly<Record<string, string>>): Mutation =>
  (cib, random) =>
    withAttributes(cib, pickOf(cib, random, "node_state"), { ...attributes, ha: undefined });

/** An attribute that lasts until the node leaves. */
export function withTransient(
  cib: XmlElement,
  node: XmlElement | undefined,
  pair: readonly [string, string],
): XmlElement | undefined {
  if (node === undefined) return undefined;
  const present = childOf(node, "transient_attributes");
  if (present !== undefined) return withPair(cib, present, "instance_attributes", pair);
  const [name, value] = pair;
  const id = `transient-${idOf(node)}`;
  const set = element("instance_attributes", { id }, [element("nvpair", { id: `${id}-${name}`, name, value })]);
  return add(cib, node, element("transient_attributes", { id: idOf(node) }, [set]));
}

const transient =
  (name: string, value: string): Mutation =>
  (cib, random) =>
    withTransient(cib, pickOf(cib, random, "node_state"), [name, value]);

/** Something happens to a node. */
export const NODE_MUTATIONS: Readonly<Record<string, Mutation>> = {
  "node standby": nodeAttribute("standby", "on"),
  "node online": nodeAttribute("standby", "off"),
  "node maintenance": nodeAttribute("maintenance", "true"),
  "node crashed": state({ in_ccm: "false", crmd: "offline", join: "member", expected: "member" }),
  "node left": state({ in_ccm: "false", crmd: "offline", join: "down", expected: "down" }),
  "node without controller": state({ in_ccm: "true", crmd: "offline", join: "down", expected: "member" }),
  "node pending": state({ in_ccm: "true", crmd: "online", join: "pending", expected: "member" }),
  "node joins": state({ in_ccm: "true", crmd: "online", join: "member", expected: "member" }),
  "node shuts down": transient("shutdown", "1234567890"),
  "node terminate": transient("terminate", "true"),
  "node health": transient("#health-disk", "red"),
  "node unseen": (cib, random) => {
    const node = pickOf(cib, random, "node_state");
    const status = childOf(cib, "status");
    const others = status?.children.filter((each) => each !== node) ?? [];
    return (
      node &&
      status && {
        ...cib,
        children: cib.children.map((each) => (each === status ? { ...status, children: others } : each)),
      }
    );
  },
  "node capacity": (cib, random) =>
    withPair(cib, configured(cib, random), "utilization", ["cpu", random.pick(["1", "4"]) ?? "1"]),
};
