import { RehomeError } from "../lib/errors.js";
import { descendantsOf, element, type XmlElement } from "../lib/xml.js";
import { findResource, nodeId } from "./cib/edit.js";
import { isTrue } from "./cib/read.js";
import { editPath, findPath, pairValue, withChild, withoutChildren, type Edit } from "./cib/tree.js";

/**
 * Where an administrator wants a resource to be, as location constraints with the ids that crm_resource, crm and pcs
 * give them, so that each of them knows, shows and clears what another one set.
 */

/** What is moved when a resource is named: a member goes with its group, an instance with its clone. */
export interface Movable {
  readonly id: string;
  /** Of a promotable clone the promoted role moves, of everything else the resource. */
  readonly role: "Started" | "Promoted";
}

/** @throws RehomeError resource-unknown; usage for a clone, which runs on several nodes */
export function movable(cib: XmlElement, id: string): Movable {
  const found = outermost(cib, id);
  if (isPromotable(found)) return { id: found.attributes["id"] ?? id, role: "Promoted" };
  if (found.name === "primitive" || found.name === "group")
    return { id: found.attributes["id"] ?? id, role: "Started" };
  throw new RehomeError("usage", `"${id}" is a ${found.name}: it runs on several nodes, and does not move`, {
    remedy: "to empty a node of it: rehome cluster standby NODE",
  });
}

/** @throws RehomeError resource-unknown; usage when it has no promoted role */
export function promotable(cib: XmlElement, id: string): string {
  const found = outermost(cib, id);
  if (isPromotable(found)) return found.attributes["id"] ?? id;
  throw new RehomeError("usage", `"${id}" has no promoted role: it is no promotable clone`, {
    remedy: "rehome cluster status tells which resources are",
  });
}

/** @throws RehomeError resource-unknown */
export function outermostId(cib: XmlElement, id: string): string {
  return outermost(cib, id).attributes["id"] ?? id;
}

function outermost(cib: XmlElement, id: string): XmlElement {
  const tops = findPath(cib, ["configuration", "resources"])?.children ?? [];
  const found = findResource(cib, id);
  const top = tops.find((at) => at === found || (found !== undefined && descendantsOf(at, found.name).includes(found)));
  if (top !== undefined) return top;
  throw new RehomeError("resource-unknown", `no resource "${id}" in the CIB`, {
    remedy: "rehome cluster status lists them",
  });
}

function isPromotable(resource: XmlElement): boolean {
  if (resource.name === "master") return true;
  return resource.name === "clone" && isTrue(pairValue(resource, "meta_attributes", "promotable"));
}

/** To a node, for good or until a moment (ms since the epoch). A ban from that node ends. @throws RehomeError node-unknown */
export function preferNode({ id, role }: Movable, node: string, until?: number): Edit {
  return (cib) => {
    nodeId(cib, node);
    const cleared = clearMoves(id, node)(withoutPreference(cib, id));
    return withConstraint(cleared, {
      ...{ id: `cli-prefer-${id}`, resource: id, role: roleIn(cib, role), node, score: "INFINITY", until },
      ruleIds: [`cli-prefer-rule-${id}`, `cli-prefer-expr-${id}`, `cli-prefer-lifetime-end-${id}`],
    });
  };
}

/** Away from a node. A preference for that node ends. @throws RehomeError node-unknown */
export function banNode({ id, role }: Movable, node: string, until?: number): Edit {
  return (cib) => {
    nodeId(cib, node);
    const name = `cli-ban-${id}-on-${node}`;
    return withConstraint(clearMoves(id, node)(cib), {
      ...{ id: name, resource: id, role: roleIn(cib, role), node, score: "-INFINITY", until },
      ruleIds: [`${name}-rule`, `${name}-expr`, `${name}-lifetime`],
    });
  };
}

/** Ends what was asked for by moves: of a resource everywhere, or as far as one node is concerned. */
export function clearMoves(id: string, node?: string): Edit {
  return (cib) =>
    editPath(cib, ["configuration", "constraints"], (constraints) =>
      withoutChildren(constraints, (at) => isMoveOf(at, id) && (node === undefined || nodeOfMove(at) === node)),
    );
}

function withoutPreference(cib: XmlElement, id: string): XmlElement {
  return editPath(cib, ["configuration", "constraints"], (constraints) =>
    withoutChildren(constraints, (at) => isMoveOf(at, id) && at.attributes["id"] === `cli-prefer-${id}`),
  );
}

function isMoveOf({ name, attributes }: XmlElement, id: string): boolean {
  const own = attributes["id"] ?? "";
  if (name !== "rsc_location" || attributes["rsc"] !== id) return false;
  return own === `cli-prefer-${id}` || own.startsWith(`cli-ban-${id}-on-`);
}

function nodeOfMove(constraint: XmlElement): string | undefined {
  const expression = descendantsOf(constraint, "expression").find(
    ({ attributes }) => attributes["attribute"] === "#uname",
  );
  return constraint.attributes["node"] ?? expression?.attributes["value"];
}

interface Wish {
  readonly id: string;
  readonly resource: string;
  readonly role: string;
  readonly node: string;
  readonly score: string;
  readonly until: number | undefined;
  /** Of the rule, its node expression and its date expression, where the wish ends by itself. */
  readonly ruleIds: readonly [string, string, string];
}

function withConstraint(cib: XmlElement, { id, resource, role, node, score, until, ruleIds }: Wish): XmlElement {
  const common = { id, rsc: resource, role };
  const [ruleId, nodeExpression, dateExpression] = ruleIds;
  const constraint =
    until === undefined
      ? element("rsc_location", { ...common, node, score })
      : element("rsc_location", common, [
          element("rule", { id: ruleId, score, "boolean-op": "and" }, [
            element("expression", {
              ...{ id: nodeExpression, attribute: "#uname", operation: "eq", value: node, type: "string" },
            }),
            element("date_expression", { id: dateExpression, operation: "lt", end: momentText(until) }),
          ]),
        ]);
  return editPath(cib, ["configuration", "constraints"], (constraints) => withChild(constraints, constraint));
}

/** As crm_resource writes it: `2026-11-22 22:54:00Z`. */
export function momentText(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace("T", " ")}Z`;
}

/** Schemas before 3.7 know the promoted role as Master. */
function roleIn(cib: XmlElement, role: Movable["role"]): string {
  const schema = /^pacemaker-(\d+)\.(\d+)$/.exec(cib.attributes["validate-with"] ?? "");
  const [major, minor] = schema === null ? [3, 7] : [Number(schema[1]), Number(schema[2])];
  return role === "Promoted" && (major < 3 || (major === 3 && minor < 7)) ? "Master" : role;
}
