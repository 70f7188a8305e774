import { childOf, childrenOf, descendantsOf, element, type XmlElement } from "../../../../../src/lib/xml.js";
import { add, idOf, pickOf, replace, withAttributes, withPair } from "./edit.js";
import type { Mutation } from "./nodes.js";
import type { Random } from "./random.js";

function resourcesOf(cib: XmlElement): XmlElement | undefined {
  return descendantsOf(cib, "resources")[0];
}

const meta =
  (name: string, values: readonly string[], ...kinds: readonly string[]): Mutation =>
  (cib, random) => {
    const section = resourcesOf(cib);
    const among = kinds.length > 0 ? kinds : ["primitive", "group", "clone", "master"];
    return (
      section && withPair(cib, pickOf(section, random, ...among), "meta_attributes", [name, random.pick(values) ?? ""])
    );
  };

const cloneMeta = (name: string, values: readonly string[]): Mutation => meta(name, values, "clone", "master");

const operation =
  (attributes: (random: Random) => Readonly<Record<string, string>>): Mutation =>
  (cib, random) =>
    withAttributes(cib, pickOf(cib, random, "op"), attributes(random));

function wrapped(cib: XmlElement, random: Random, kind: string): XmlElement | undefined {
  const section = resourcesOf(cib);
  const member = section && random.pick(childrenOf(section, kind));
  if (member === undefined || member.attributes["class"] === "stonith") return undefined;
  const clone = element("clone", { id: `${idOf(member)}-clone` }, [member]);
  return withPair(replace(cib, member, clone), clone, "meta_attributes", [
    "interleave",
    random.pick(["true", "false"]) ?? "",
  ]);
}

/** The configuration of resources and their operations. */
export const RESOURCE_MUTATIONS: Readonly<Record<string, Mutation>> = {
  "target-role": meta("target-role", ["Started", "Stopped", "Slave"]),
  "target-role Stopped": meta("target-role", ["Stopped"]),
  "is-managed false": meta("is-managed", ["false"]),
  "resource maintenance": meta("maintenance", ["true"]),
  "resource-stickiness": meta("resource-stickiness", ["0", "1", "100", "INFINITY", "-1", "-INFINITY"]),
  "migration-threshold": meta("migration-threshold", ["1", "3"]),
  "failure-timeout": meta("failure-timeout", ["1s", "10min", "1000d"]),
  "multiple-active": meta("multiple-active", ["block", "stop_only", "stop_start", "stop_unexpected"]),
  priority: meta("priority", ["1", "10", "-5"]),
  requires: meta("requires", ["nothing", "quorum", "fencing", "unfencing"]),
  "allow-migrate": meta("allow-migrate", ["true", "true", "false"]),
  critical: meta("critical", ["false"]),
  interleave: cloneMeta("interleave", ["true", "false"]),
  notify: cloneMeta("notify", ["true", "false"]),
  "clone-max": cloneMeta("clone-max", ["0", "1", "2", "4"]),
  "clone-node-max": cloneMeta("clone-node-max", ["1", "2"]),
  "clone-min": cloneMeta("clone-min", ["1", "2"]),
  ordered: cloneMeta("ordered", ["true", "false"]),
  "globally-unique": cloneMeta("globally-unique", ["true", "false"]),
  "promoted-max": cloneMeta("master-max", ["0", "1", "2"]),
  promotable: cloneMeta("promotable", ["true", "false"]),
  "on-fail": operation((random) => ({
    "on-fail":
      random.pick(["ignore", "block", "stop", "restart", "standby", "fence", "demote", "restart-container"]) ?? "",
  })),
  "operation disabled": operation(() => ({ enabled: "false" })),
  "operation interval": operation((random) => ({ interval: random.pick(["7s", "60s"]) ?? "" })),
  "monitor while stopped": operation(() => ({ role: "Stopped" })),
  "monitor while promoted": operation((random) => ({ role: random.pick(["Master", "Slave", "Started"]) ?? "" })),
  "resource removed": (cib, random) => {
    const section = resourcesOf(cib);
    const resource = section && random.pick(section.children);
    if (resource === undefined) return undefined;
    const names = new Set([
      idOf(resource),
      ...["primitive", "group"].flatMap((each) => descendantsOf(resource, each).map(idOf)),
    ]);
    let made = replace(cib, resource, undefined);
    for (const constraint of descendantsOf(made, "constraints")[0]?.children ?? []) {
      const refers = [constraint, ...descendantsOf(constraint, "resource_ref")].some(({ attributes }) =>
        [attributes["rsc"], attributes["with-rsc"], attributes["first"], attributes["then"], attributes["id"]].some(
          (each) => names.has(each ?? ""),
        ),
      );
      if (refers) made = replace(made, constraint, undefined);
    }
    return made;
  },
  "primitive cloned": (cib, random) => wrapped(cib, random, "primitive"),
  "group cloned": (cib, random) => wrapped(cib, random, "group"),
  "parameter changed": (cib, random) => {
    const section = resourcesOf(cib);
    const pairs = section && descendantsOf(section, "instance_attributes").flatMap((set) => childrenOf(set, "nvpair"));
    return pairs && withAttributes(cib, random.pick(pairs), { value: "changed" });
  },
  utilization: (cib, random) => {
    const section = resourcesOf(cib);
    return (
      section &&
      withPair(cib, pickOf(section, random, "primitive"), "utilization", ["cpu", random.pick(["1", "2", "3"]) ?? ""])
    );
  },
  template: (cib, random) => {
    const section = resourcesOf(cib);
    const primitive =
      section &&
      random.pick(descendantsOf(section, "primitive").filter(({ attributes }) => attributes["template"] === undefined));
    if (section === undefined || primitive === undefined) return undefined;
    const { id = "", ...agent } = primitive.attributes;
    const sets = primitive.children.map((set) => ({ ...set, attributes: { ...set.attributes } }));
    const template = element("template", { id: `${id}-template`, ...agent }, sets);
    const made = replace(cib, primitive, element("primitive", { id, template: `${id}-template` }));
    return add(made, resourcesOf(made), template);
  },
  "member leaves its group": (cib, random) => {
    const group = random.pick(descendantsOf(cib, "group").filter((each) => childrenOf(each, "primitive").length > 1));
    const member = group && random.pick(childrenOf(group, "primitive"));
    if (member === undefined) return undefined;
    const made = replace(cib, member, undefined);
    return add(made, resourcesOf(made), member);
  },
  "group of two": (cib, random) => {
    const section = resourcesOf(cib);
    const [one, two] = [0, 0].map(() => section && random.pick(childrenOf(section, "primitive")));
    if (one === undefined || two === undefined || one === two || one.attributes["class"] === "stonith")
      return undefined;
    const without = replace(cib, two, undefined);
    return replace(without, one, element("group", { id: "made-group" }, [one, two]));
  },
  "meta from defaults": (cib, random) => {
    const configuration = childOf(cib, "configuration");
    if (configuration === undefined) return undefined;
    const present = childOf(configuration, "rsc_defaults");
    const base = present === undefined ? add(cib, configuration, element("rsc_defaults")) : cib;
    const pairs = [
      ["resource-stickiness", "100"],
      ["is-managed", "false"],
      ["target-role", "Stopped"],
      ["migration-threshold", "1"],
      ["multiple-active", "block"],
    ] as const;
    return (
      base && withPair(base, descendantsOf(base, "rsc_defaults")[0], "meta_attributes", random.pick(pairs) ?? pairs[0])
    );
  },
};
