import { childrenOf, type XmlElement } from "../../../lib/xml.js";
import { follow } from "../../cib/nvsets.js";
import { parametersOf, ruleContext } from "../configuration/attributes.js";
import { expandName, readSets } from "../constraints.js";
import { DISCOVERY, type ClusterState, type Discovery, type Location, type Node, type Resource } from "../model.js";
import { parseRole } from "../roles.js";
import { ruleHolds, ruleScore } from "../configuration/rules.js";
import { parseScore } from "../score.js";

/** Reads a `rsc_location`: of a resource, a tag, a pattern or sets; with a node or with rules. */
export function readLocation(state: ClusterState, xml: XmlElement): void {
  const { attributes } = xml;
  const sets = readSets(state, xml);
  for (const set of sets) {
    const role = set.attributes["role"];
    const score = set.attributes["score"] ?? attributes["score"];
    for (const resource of set.resources) addLocation(state, xml, resource, { role, score });
  }
  if (sets.length > 0) return;
  const given = { role: attributes["role"], score: attributes["score"] };
  const pattern = attributes["rsc-pattern"];
  if (pattern !== undefined) {
    for (const [resource, groups] of matching(state, pattern)) addLocation(state, xml, resource, { ...given, groups });
    return;
  }
  for (const resource of expandName(state, attributes["rsc"])) addLocation(state, xml, resource, given);
}

/** Resources whose id matches the pattern, which an exclamation mark inverts, with the pattern's groups. */
function matching(state: ClusterState, pattern: string): readonly [Resource, readonly string[]][] {
  const inverted = pattern.startsWith("!");
  const expression = new RegExp(inverted ? pattern.slice(1) : pattern);
  const found: [Resource, readonly string[]][] = [];
  for (const resource of state.resources) {
    const match = expression.exec(resource.id);
    if ((match !== null) !== inverted) found.push([resource, match === null ? [] : [...match].map((part) => part)]);
  }
  return found;
}

interface Given {
  readonly role: string | undefined;
  readonly score: string | undefined;
  readonly groups?: readonly string[];
}

function addLocation(state: ClusterState, xml: XmlElement, resource: Resource, given: Given): void {
  const { attributes } = xml;
  const id = attributes["id"] ?? "";
  const discovery = discoveryOf(state, attributes["resource-discovery"]);
  const nodeName = attributes["node"];
  if (nodeName !== undefined && given.score !== undefined) {
    const node = state.nodeByName.get(nodeName) ?? state.nodeById.get(nodeName);
    if (node === undefined) return;
    enter(state, {
      id,
      resource,
      role: roleOf(given.role),
      discovery,
      nodes: new Map([[node, parseScore(given.score)]]),
    });
    return;
  }
  for (const child of childrenOf(xml, "rule")) {
    const rule = follow(child, state.cib.byId);
    if (rule === undefined) continue;
    const nodes = nodesOfRule(state, rule, resource, given.groups);
    if (nodes.size === 0) continue;
    enter(state, {
      id: rule.attributes["id"] ?? id,
      resource,
      role: roleOf(rule.attributes["role"] ?? given.role),
      discovery,
      nodes,
    });
  }
}

function nodesOfRule(
  state: ClusterState,
  rule: XmlElement,
  resource: Resource,
  groups: readonly string[] | undefined,
): Map<Node, number> {
  const nodes = new Map<Node, number>();
  for (const node of state.nodes) {
    const context = ruleContext(state, {
      attributes: node.attributes,
      params: parametersOf(state, resource, node),
      meta: resource.meta,
      groups,
    });
    if (ruleHolds(rule, context)) nodes.set(node, ruleScore(rule, node.attributes, groups));
  }
  return nodes;
}

function discoveryOf(state: ClusterState, value: string | undefined): Discovery {
  if (value === undefined || value === "always") return DISCOVERY.always;
  if (value === "never" || value === "exclusive") return DISCOVERY[value];
  state.warnings.add(`resource-discovery=${value} is not known`);
  return DISCOVERY.always;
}

/** Started is no restriction. */
function roleOf(text: string | undefined): Location["role"] {
  const role = parseRole(text);
  return role === "Started" ? undefined : role;
}

function enter(state: ClusterState, location: Location): void {
  state.locations.push(location);
  location.resource.locations.push(location);
}
