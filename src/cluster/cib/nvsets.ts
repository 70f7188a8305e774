import type { XmlElement } from "../../lib/xml.js";

/** One set of name-value pairs, such as `meta_attributes`, with the rule that says when it counts. */
export interface NvSet {
  readonly id: string;
  readonly score: string | undefined;
  readonly rule: XmlElement | undefined;
  readonly pairs: readonly (readonly [name: string, value: string])[];
}

/** Looks an element up by its id anywhere in the document: the target of an `id-ref`. */
export type FindById = (id: string) => XmlElement | undefined;

/** The element itself, or what its `id-ref` names; undefined when that is dangling. */
export function follow(found: XmlElement, byId: FindById): XmlElement | undefined {
  const reference = found.attributes["id-ref"];
  return reference === undefined ? found : byId(reference);
}

/** The sets of that kind (`instance_attributes`, `meta_attributes`, `utilization` …) directly below `parent`. */
export function nvSetsOf(parent: XmlElement, kind: string, byId: FindById): readonly NvSet[] {
  return parent.children
    .filter((child) => child.name === kind)
    .map((child) => follow(child, byId))
    .filter((set) => set !== undefined)
    .map((set) => readSet(set, byId));
}

function readSet(set: XmlElement, byId: FindById): NvSet {
  const pairs: (readonly [string, string])[] = [];
  for (const child of set.children) {
    if (child.name !== "nvpair") continue;
    // A reference may give the pair another name.
    const pair = follow(child, byId);
    const name = child.attributes["name"] ?? pair?.attributes["name"];
    const value = pair?.attributes["value"];
    if (name !== undefined && value !== undefined) pairs.push([name, value]);
  }
  const rule = set.children.find((child) => child.name === "rule");
  return {
    id: set.attributes["id"] ?? "",
    score: set.attributes["score"],
    rule: rule === undefined ? undefined : follow(rule, byId),
    pairs,
  };
}
