import type { XmlElement } from "../../lib/xml.js";
import { setProperty } from "../cib/edit.js";
import { editChild, editPath, findPath, named, setPair, withChild, type Edit } from "../cib/tree.js";
import { inTurn } from "../control.js";
import type { LeftOut } from "./types.js";

/** Settings of the runtime's CIB that the cluster does not have are added; what it has, it keeps. */

export interface Settings {
  readonly edit: Edit;
  readonly leftOut: readonly LeftOut[];
}

/** Properties that say how resources are treated. All others are about members, quorum and fencing: the cluster's own. */
const PROPERTIES = [
  ...["start-failure-is-fatal", "stop-orphan-resources", "stop-orphan-actions", "placement-strategy"],
  ...["migration-limit", "batch-limit", "cluster-recheck-interval"],
  ...["node-health-strategy", "node-health-base", "node-health-green", "node-health-yellow", "node-health-red"],
];
/** Nobody misses these: they say what a cluster is called and which program keeps it. */
const OWN = ["cluster-name", "cluster-infrastructure", "dc-version", "have-watchdog", "last-lrm-refresh"];

export function propertiesOf(bundled: XmlElement, live: XmlElement): Settings {
  const mine = pairsOf(section(bundled, "crm_config"), "cluster_property_set");
  const theirs = new Map(pairsOf(section(live, "crm_config"), "cluster_property_set"));
  const asked = mine.filter(([name]) => !OWN.includes(name));
  const isTaken = ([name]: Pair): boolean => PROPERTIES.includes(name) && !theirs.has(name);
  return {
    edit: inTurn(
      ...asked.filter(isTaken).map(
        ([name, value]): Edit =>
          (cib) =>
            setProperty(cib, name, value),
      ),
    ),
    leftOut: asked.filter((pair) => !isTaken(pair)).flatMap((pair) => differs(pair, theirs, "property")),
  };
}

/** Of resources and of operations. Sets with a rule are taken as they are. */
export function defaultsOf(bundled: XmlElement, live: XmlElement): readonly Settings[] {
  return ["rsc_defaults", "op_defaults"].map((name): Settings => {
    const [mine, theirs] = [section(bundled, name), new Map(pairsOf(section(live, name), "meta_attributes"))];
    const own = pairsOf(mine, "meta_attributes");
    const ruled = (mine?.children ?? []).filter(hasRule);
    const set = { kind: "meta_attributes", id: name === "rsc_defaults" ? "rsc-options" : "op-options" };
    const edits = own
      .filter(([key]) => !theirs.has(key))
      .map(([key, value]): Edit => {
        return (cib) => editPath(cib, ["configuration", name], (at) => setPair(at, set, key, value));
      });
    const rules = ruled.map((rule): Edit => {
      return (cib) =>
        editPath(cib, ["configuration", name], (at) =>
          at.children.some(named(rule.name, rule.attributes["id"])) ? at : withChild(at, rule),
        );
    });
    return {
      edit: inTurn(...edits, ...rules),
      leftOut: own.filter(([key]) => theirs.has(key)).flatMap((pair) => differs(pair, theirs, `default (${name})`)),
    };
  });
}

/** What this machine is said to be and to have, as far as the cluster does not say it. */
export function nodeValuesOf(bundled: XmlElement, live: XmlElement, node: string): Settings {
  const nodeIn = (cib: XmlElement): XmlElement | undefined =>
    section(cib, "nodes")?.children.find(({ attributes }) => attributes["uname"] === node);
  const there = nodeIn(live);
  const id = there?.attributes["id"] ?? "";
  const edits = (["instance_attributes", "utilization"] as const).flatMap((kind) => {
    const theirs = new Map(pairsOf(there, kind));
    return pairsOf(nodeIn(bundled), kind)
      .filter(([name]) => !theirs.has(name) && !["standby", "maintenance"].includes(name))
      .map(([name, value]): Edit => {
        const set = { kind, id: kind === "utilization" ? `nodes-${id}-utilization` : `nodes-${id}` };
        return (cib) =>
          editPath(cib, ["configuration", "nodes"], (nodes) =>
            editChild(nodes, named("node", id), (at) => setPair(at, set, name, value)),
          );
      });
  });
  return { edit: inTurn(...edits), leftOut: [] };
}

type Pair = readonly [name: string, value: string];

function section(cib: XmlElement, name: string): XmlElement | undefined {
  return findPath(cib, ["configuration", name]);
}

/** Of the sets that always hold. */
function pairsOf(owner: XmlElement | undefined, kind: string): readonly Pair[] {
  return (owner?.children ?? [])
    .filter((set) => set.name === kind && !hasRule(set))
    .flatMap((set) => set.children)
    .map(({ attributes }): Pair => [attributes["name"] ?? "", attributes["value"] ?? ""]);
}

function hasRule(set: XmlElement): boolean {
  return set.children.some(({ name }) => name === "rule");
}

function differs([name, value]: Pair, theirs: ReadonlyMap<string, string>, kind: string): readonly LeftOut[] {
  const other = theirs.get(name);
  if (other === value) return [];
  const why = other === undefined ? "it is the cluster's own matter" : `the cluster has ${other}`;
  return [{ what: `${kind} ${name}=${value}`, why }];
}
