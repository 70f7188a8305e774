import { childOf, descendantsOf, element, type XmlElement } from "../../../../../src/lib/xml.js";
import type { Random } from "./random.js";

/** A document in which one element is another one, or gone. */
export function replace(root: XmlElement, target: XmlElement, by: XmlElement | undefined): XmlElement {
  if (root === target) return by ?? root;
  const children = root.children.flatMap((child) => {
    if (child !== target) return [replace(child, target, by)];
    return by === undefined ? [] : [by];
  });
  const changed =
    children.length < root.children.length || children.some((child, index) => child !== root.children[index]);
  return changed ? { ...root, children } : root;
}

export function add(root: XmlElement, parent: XmlElement | undefined, child: XmlElement): XmlElement | undefined {
  return parent && replace(root, parent, { ...parent, children: [...parent.children, child] });
}

/** Attributes that are undefined are taken away. */
export function withAttributes(
  root: XmlElement,
  target: XmlElement | undefined,
  attributes: Readonly<Record<string, string | undefined>>,
): XmlElement | undefined {
  return (
    target &&
    replace(root, target, {
      ...element(target.name, { ...target.attributes, ...attributes }, target.children),
      text: target.text,
    })
  );
}

/** Sets a name and its value in an element's set of that kind, which is made where there is none. */
export function withPair(
  root: XmlElement,
  owner: XmlElement | undefined,
  set: string,
  [name, value]: readonly [string, string],
): XmlElement | undefined {
  if (owner === undefined) return undefined;
  const id = `${owner.attributes["id"] ?? owner.name}-${set}-${name}`;
  const pair = element("nvpair", { id, name, value });
  const present = owner.children.find(
    (each) => each.name === set && childOf(each, "rule") === undefined && each.attributes["id-ref"] === undefined,
  );
  if (present === undefined) {
    const made = element(set, { id: `${id}-set` }, [pair]);
    // The schema wants sets before members and operations.
    return replace(root, owner, { ...owner, children: [made, ...owner.children] });
  }
  const others = present.children.filter(({ attributes }) => attributes["name"] !== name);
  return replace(root, present, { ...present, children: [...others, pair] });
}

export function pickOf(root: XmlElement, random: Random, ...names: readonly string[]): XmlElement | undefined {
  return random.pick(names.flatMap((name) => descendantsOf(root, name)));
}

export function idOf(target: XmlElement): string {
  return target.attributes["id"] ?? "";
}
