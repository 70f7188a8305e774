import { element, type XmlElement } from "../../lib/xml.js";

/** Elements of a CIB's configuration, made from plain values. */

/** A set of name/value pairs (`meta_attributes`, `instance_attributes` …); pairs without a value are left out. */
export function pairSet(kind: string, id: string, pairs: Readonly<Record<string, string | undefined>>): XmlElement {
  const given = Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== undefined);
  return element(
    kind,
    { id },
    given.map(([name, value]) => element("nvpair", { id: `${id}-${name}`, name, value })),
  );
}

/** One operation of a resource, times as Pacemaker writes them: `30s`. */
export interface OperationSpec {
  readonly name: string;
  /** `0s` without it. */
  readonly interval?: string;
  readonly timeout: string;
  readonly role?: string;
}

export function operations(owner: string, specs: readonly OperationSpec[]): XmlElement {
  return element(
    "operations",
    {},
    specs.map(({ name, interval = "0s", timeout, role }) =>
      element("op", { id: `${owner}-${name}-${interval}`, name, interval, timeout, role }),
    ),
  );
}

/** Whether two elements say the same; where in a file they stood does not count. */
export function sameElement(a: XmlElement, b: XmlElement): boolean {
  const names = Object.keys(a.attributes);
  return (
    a.name === b.name &&
    a.text.trim() === b.text.trim() &&
    names.length === Object.keys(b.attributes).length &&
    names.every((name) => a.attributes[name] === b.attributes[name]) &&
    a.children.length === b.children.length &&
    a.children.every((child, index) => {
      const other = b.children[index];
      return other !== undefined && sameElement(child, other);
    })
  );
}
