import { childOf, element, type XmlElement } from "../../lib/xml.js";

/** Small edits of read-only elements: each returns a new element, or the same one when nothing changes. */

export type Edit = (at: XmlElement) => XmlElement;
export type Match = (child: XmlElement) => boolean;

/** Matches an element by its name and, when given, its id. */
export function named(name: string, id?: string): Match {
  return (child) => child.name === name && (id === undefined || child.attributes["id"] === id);
}

/** Attributes set, or removed where the value is undefined. */
export function withAttributes(at: XmlElement, changes: Readonly<Record<string, string | undefined>>): XmlElement {
  if (Object.entries(changes).every(([name, value]) => at.attributes[name] === value)) return at;
  const kept = Object.entries({ ...at.attributes, ...changes });
  return {
    ...at,
    attributes: Object.fromEntries(kept.filter((pair): pair is [string, string] => pair[1] !== undefined)),
  };
}

/** The first child that matches, edited; made from `missing` (and then edited) when there is none. */
export function editChild(at: XmlElement, match: Match, edit: Edit, missing?: () => XmlElement): XmlElement {
  const index = at.children.findIndex(match);
  const child = at.children[index];
  if (child === undefined) return missing === undefined ? at : withChild(at, edit(missing()));
  const edited = edit(child);
  return edited === child ? at : { ...at, children: at.children.with(index, edited) };
}

/** The child at the end of the path edited; elements that are missing on the way are made, without attributes. */
export function editPath(at: XmlElement, path: readonly string[], edit: Edit): XmlElement {
  const [name, ...rest] = path;
  if (name === undefined) return edit(at);
  return editChild(
    at,
    named(name),
    (child) => editPath(child, rest, edit),
    () => element(name),
  );
}

export function withChild(at: XmlElement, child: XmlElement): XmlElement {
  return { ...at, children: [...at.children, child] };
}

export function withoutChildren(at: XmlElement, match: Match): XmlElement {
  const children = at.children.filter((child) => !match(child));
  return children.length === at.children.length ? at : { ...at, children };
}

/** Every element below (and including) `at` for which `edit` gives another; children first. */
export function editAll(at: XmlElement, edit: Edit): XmlElement {
  const children = at.children.map((child) => editAll(child, edit));
  return edit(children.every((child, index) => child === at.children[index]) ? at : { ...at, children });
}

/** The element at the end of a path of names. */
export function findPath(at: XmlElement, path: readonly string[]): XmlElement | undefined {
  return path.reduce<XmlElement | undefined>((found, name) => found && childOf(found, name), at);
}

/**
 * Sets the name/value pair of a set (`meta_attributes`, `instance_attributes` …) below `owner`, or removes it.
 * The pair is changed where it is; otherwise it goes into the first set of that kind, made when there is none.
 */
export function setPair(
  owner: XmlElement,
  set: { readonly kind: string; readonly id: string },
  name: string,
  value: string | undefined,
): XmlElement {
  const isPair: Match = (child) => child.name === "nvpair" && child.attributes["name"] === name;
  const holds: Match = (child) => child.name === set.kind && child.children.some(isPair);
  if (value === undefined) return editChild(owner, holds, (found) => withoutChildren(found, isPair));
  const setValue: Edit = (pair) => withAttributes(pair, { value });
  if (owner.children.some(holds)) return editChild(owner, holds, (found) => editChild(found, isPair, setValue));
  return editChild(
    owner,
    named(set.kind),
    (found) =>
      withChild(found, element("nvpair", { id: idOf(`${found.attributes["id"] ?? set.id}-${name}`), name, value })),
    () => element(set.kind, { id: set.id }),
  );
}

/** The value of a name/value pair in any set of that kind directly below `owner`. */
export function pairValue(owner: XmlElement, kind: string, name: string): string | undefined {
  for (const set of owner.children) {
    if (set.name !== kind) continue;
    const pair = set.children.find((child) => child.name === "nvpair" && child.attributes["name"] === name);
    if (pair !== undefined) return pair.attributes["value"];
  }
  return undefined;
}

/** Text as an XML id: what an id cannot have becomes a dot, as Pacemaker has it. */
function idOf(text: string): string {
  return text.replace(/[^A-Za-z0-9._-]/g, ".");
}
