import { childOf, descendantsOf, element, type XmlElement } from "../../../../../src/lib/xml.js";
import { add, idOf, pickOf, replace, withAttributes, withPair } from "./edit.js";
import type { Mutation } from "./nodes.js";
import type { Random } from "./random.js";

const SCORES = ["INFINITY", "-INFINITY", "100", "-100", "1", "0"];
const KINDS = ["Optional", "Serialize", "Mandatory"];
const ROLES = ["Started", "Master", "Slave"];

const constraints = (cib: XmlElement): XmlElement | undefined => descendantsOf(cib, "constraints")[0];

function anyResource(cib: XmlElement, random: Random): string {
  const section = descendantsOf(cib, "resources")[0];
  const found = section?.children.filter(
    ({ name, attributes }) => name !== "template" && attributes["class"] !== "stonith",
  );
  const resource = found && random.pick(found);
  return resource === undefined ? "" : idOf(resource);
}

function anyNode(cib: XmlElement, random: Random): string {
  return random.pick(descendantsOf(cib, "nodes")[0]?.children ?? [])?.attributes["uname"] ?? "";
}

const attribute =
  (kind: string, name: string, values: readonly string[]): Mutation =>
  (cib, random) =>
    withAttributes(cib, pickOf(cib, random, kind), { [name]: random.pick(values) });

const made =
  (name: string, attributes: (cib: XmlElement, random: Random) => Record<string, string | undefined>): Mutation =>
  (cib, random) =>
    add(cib, constraints(cib), element(name, { id: `made-${name}`, ...attributes(cib, random) }));

const byRule =
  (expression: (cib: XmlElement, random: Random) => XmlElement): Mutation =>
  (cib, random) => {
    const rule = element("rule", { id: "made-rule", score: random.pick(SCORES) }, [expression(cib, random)]);
    return add(
      cib,
      constraints(cib),
      element("rsc_location", { id: "made-location", rsc: anyResource(cib, random) }, [rule]),
    );
  };

const option =
  (name: string, values: readonly string[]): Mutation =>
  (cib, random) =>
    withPair(cib, descendantsOf(cib, "crm_config")[0], "cluster_property_set", [name, random.pick(values) ?? ""]);

/** Constraints, and what they are applied with. */
export const CONSTRAINT_MUTATIONS: Readonly<Record<string, Mutation>> = {
  "colocation score": attribute("rsc_colocation", "score", SCORES),
  "colocation role": attribute("rsc_colocation", "rsc-role", ROLES),
  "colocation with role": attribute("rsc_colocation", "with-rsc-role", ROLES),
  "colocation influence": attribute("rsc_colocation", "influence", ["false"]),
  "location score": attribute("rsc_location", "score", SCORES),
  "rule score": attribute("rule", "score", SCORES),
  "rule operation": attribute("expression", "operation", ["eq", "ne", "defined", "not_defined", "lt", "gt"]),
  "order kind": (cib, random) =>
    withAttributes(cib, pickOf(cib, random, "rsc_order"), { kind: random.pick(KINDS), score: undefined }),
  "order symmetrical": attribute("rsc_order", "symmetrical", ["false", "true"]),
  "order first-action": attribute("rsc_order", "first-action", ["start", "stop", "promote", "demote"]),
  "order then-action": attribute("rsc_order", "then-action", ["start", "stop", "promote", "demote"]),
  "order reversed": (cib, random) => {
    const order = pickOf(cib, random, "rsc_order");
    const { first, then } = order?.attributes ?? {};
    return first === undefined ? undefined : withAttributes(cib, order, { first: then, then: first });
  },
  "set sequential": attribute("resource_set", "sequential", ["false", "true"]),
  "set require-all": attribute("resource_set", "require-all", ["false"]),
  "set role": attribute("resource_set", "role", ROLES),
  "loss-policy": attribute("rsc_ticket", "loss-policy", ["stop", "demote", "fence", "freeze"]),
  "constraint removed": (cib, random) => {
    const constraint = random.pick(constraints(cib)?.children ?? []);
    return constraint && replace(cib, constraint, undefined);
  },
  "new location": made("rsc_location", (cib, random) => ({
    rsc: anyResource(cib, random),
    node: anyNode(cib, random),
    score: random.pick(SCORES),
  })),
  "new colocation": made("rsc_colocation", (cib, random) => ({
    ...{ rsc: anyResource(cib, random), "with-rsc": anyResource(cib, random), score: random.pick(SCORES) },
  })),
  "new order": made("rsc_order", (cib, random) => ({
    first: anyResource(cib, random),
    then: anyResource(cib, random),
    kind: random.pick(KINDS),
  })),
  "new ticket": made("rsc_ticket", (cib, random) => ({
    ...{
      rsc: anyResource(cib, random),
      ticket: "made-ticket",
      "loss-policy": random.pick(["stop", "demote", "fence", "freeze"]),
    },
  })),
  "location by name": byRule((cib, random) =>
    element("expression", {
      id: "made-expression",
      attribute: "#uname",
      operation: random.pick(["eq", "ne"]),
      value: anyNode(cib, random),
    }),
  ),
  "location by date": byRule((_cib, random) =>
    element("date_expression", {
      ...{ id: "made-expression", operation: random.pick(["gt", "lt"]) },
      ...(random.next() < 0.5
        ? { start: "2005-01-01", end: "2040-01-01" }
        : { start: "2045-01-01", end: "2004-01-01" }),
    }),
  ),
  tag: (cib, random) => {
    const constraint = random.pick(
      (constraints(cib)?.children ?? []).filter(({ attributes }) => attributes["rsc"] !== undefined),
    );
    const rsc = constraint?.attributes["rsc"];
    const configuration = childOf(cib, "configuration");
    if (rsc === undefined || configuration === undefined || childOf(configuration, "tags") !== undefined)
      return undefined;
    const refs = [...new Set([rsc, anyResource(cib, random)])].map((id) => element("obj_ref", { id }));
    const tagged = withAttributes(cib, constraint, { rsc: "made-tag" });
    return (
      tagged &&
      add(tagged, childOf(tagged, "configuration"), element("tags", {}, [element("tag", { id: "made-tag" }, refs)]))
    );
  },
  "no-quorum-policy": (cib, random) => {
    const without = option("no-quorum-policy", ["stop", "ignore", "freeze", "suicide", "demote"])(cib, random);
    return without && { ...without, attributes: { ...without.attributes, "have-quorum": "0" } };
  },
  "stonith-enabled": option("stonith-enabled", ["true", "false"]),
  "concurrent-fencing": option("concurrent-fencing", ["true", "false"]),
  "start-failure-is-fatal": option("start-failure-is-fatal", ["false"]),
  "symmetric-cluster": option("symmetric-cluster", ["false"]),
  "placement-strategy": option("placement-strategy", ["utilization", "minimal", "balanced"]),
  "stop-orphan-resources": option("stop-orphan-resources", ["false"]),
  "stop-orphan-actions": option("stop-orphan-actions", ["false"]),
  "stop-all-resources": option("stop-all-resources", ["true"]),
  "maintenance-mode": option("maintenance-mode", ["true"]),
  "enable-startup-probes": option("enable-startup-probes", ["false"]),
  "startup-fencing": option("startup-fencing", ["false"]),
  "stonith-action": option("stonith-action", ["off"]),
  "remove-after-stop": option("remove-after-stop", ["true"]),
  "node-health-strategy": option("node-health-strategy", ["only-green", "migrate-on-red", "progressive"]),
  "shutdown-lock": option("shutdown-lock", ["true"]),
  "priority-fencing-delay": option("priority-fencing-delay", ["15s"]),
};
