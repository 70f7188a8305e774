import { childOf, parseXml, type XmlElement } from "../../../../../src/lib/xml.js";
import type { NodeFlag, Place, Placement, Situation } from "../../../../../src/cluster/scheduler/types.js";
import { NODE_FLAGS } from "../../../../../src/cluster/scheduler/types.js";

const COLLECTIVES = ["clone", "group", "bundle", "replica"];

/** Where everything is after a transition, from what `crm_simulate --output-as=xml` prints. */
export function placementOf(printed: string): Situation {
  const root = parseXml(printed, "crm_simulate");
  const status = childOf(root, "revised_cluster_status") ?? childOf(root, "cluster_status");
  const placement: Record<string, Place[]> = {};
  const walk = (parent: XmlElement, path: string): void => {
    for (const each of parent.children) {
      const { name, attributes } = each;
      const own = `${path}${attributes["id"] ?? ""}`;
      if (COLLECTIVES.includes(name)) walk(each, `${own}/`);
      if (name !== "resource") continue;
      const nodes = each.children.map((node) => node.attributes["name"] ?? "").sort();
      (placement[own] ??= []).push({ role: attributes["role"] as Place["role"], nodes });
    }
  };
  const resources = status && childOf(status, "resources");
  if (resources !== undefined) walk(resources, "");
  const nodes: Record<string, readonly NodeFlag[]> = {};
  for (const { attributes } of (status && childOf(status, "nodes"))?.children ?? []) {
    nodes[attributes["name"] ?? ""] = NODE_FLAGS.filter((flag) => attributes[flag] === "true");
  }
  return { placement: placement satisfies Placement, nodes };
}
