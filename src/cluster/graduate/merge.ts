import { element, type XmlElement } from "../../lib/xml.js";
import { putResource } from "../cib/edit.js";
import { sameElement } from "../cib/make.js";
import { editAll, editPath, findPath, named, setPair, withChild, type Edit } from "../cib/tree.js";
import { inTurn } from "../control.js";
import { defaultsOf, nodeValuesOf, propertiesOf } from "./settings.js";
import type { LeftOut, Merge } from "./types.js";

export interface MergeOptions {
  /** This machine's name, in both CIBs. */
  readonly node: string;
  /** Whether the resources may run on this machine only: what they need is here. */
  readonly pinned: boolean;
}

/**
 * What of the runtime's CIB goes into a cluster's. What the cluster has already wins: its properties, its defaults and
 * its fencing; resources and constraints are added.
 */
export function planMerge(bundled: XmlElement, live: XmlElement, { node, pinned }: MergeOptions): Merge {
  const all = findPath(bundled, ["configuration", "resources"])?.children ?? [];
  const fencing = all.filter(isFencing);
  const resources = all.filter((resource) => !isFencing(resource));
  const fencingIds = fencing.flatMap(idsOf);
  const [constraints, dropped] = split(childrenAt(bundled, "constraints"), (constraint) => {
    return !descendantsOrSelf(constraint).some(({ attributes }) =>
      Object.values(attributes).some((value) => fencingIds.includes(value)),
    );
  });
  const own = [...constraints, ...(pinned ? resources.filter(isPlaced).map((at) => pin(at, node)) : [])];
  const tags = childrenAt(bundled, "tags");
  const settings = [propertiesOf(bundled, live), ...defaultsOf(bundled, live), nodeValuesOf(bundled, live, node)];
  const leftOut: LeftOut[] = [
    ...fencing.map((at) => ({ what: idOf(at), why: "the cluster has its own fencing" })),
    ...dropped.map((at) => ({ what: idOf(at), why: "it is about a fencing device that is left out" })),
    ...settings.flatMap((setting) => setting.leftOut),
  ];
  const put = (held: boolean): Edit =>
    inTurn(
      ...resources.map(
        (at): Edit =>
          (cib) =>
            putResource(cib, placed(cib, held ? hold(at) : at)),
      ),
    );
  return {
    resources,
    primitives: resources.flatMap(primitivesOf).map(idOf),
    held: inTurn(
      put(true),
      addAll("constraints", own),
      addAll("tags", tags),
      ...settings.map((setting) => setting.edit),
    ),
    free: put(false),
    leftOut,
    clashes: clashesOf(live, resources, [...own, ...tags]),
  };
}

/** Every primitive of a resource unmanaged, whatever it said of that before. */
function hold(resource: XmlElement): XmlElement {
  return editAll(resource, (at) =>
    at.name === "primitive"
      ? setPair(at, { kind: "meta_attributes", id: `${idOf(at)}-meta_attributes` }, "is-managed", "false")
      : at,
  );
}

/** The same element where it is there already, so that nothing is changed by it. */
function placed(cib: XmlElement, wanted: XmlElement): XmlElement {
  const found = childrenAt(cib, "resources").find(named(wanted.name, idOf(wanted)));
  return found !== undefined && sameElement(found, wanted) ? found : wanted;
}

function addAll(section: string, elements: readonly XmlElement[]): Edit {
  return (cib) =>
    elements.reduce(
      (at, one) =>
        childrenAt(at, section).some(named(one.name, idOf(one)))
          ? at
          : editPath(at, ["configuration", section], (found) => withChild(found, one)),
      cib,
    );
}

/** Their data is on this machine: nowhere else may they run until somebody says so. */
function pin(resource: XmlElement, node: string): XmlElement {
  const id = `loc-${idOf(resource)}-stays`;
  return element("rsc_location", { id, rsc: idOf(resource) }, [
    element("rule", { id: `${id}-rule`, score: "-INFINITY" }, [
      element("expression", { id: `${id}-expr`, attribute: "#uname", operation: "ne", value: node, type: "string" }),
    ]),
  ]);
}

/** What means something else in the cluster; what an earlier run of this has loaded does not. */
function clashesOf(
  live: XmlElement,
  resources: readonly XmlElement[],
  others: readonly XmlElement[],
): readonly string[] {
  const sections = ["resources", "constraints", "tags"].flatMap((section) => childrenAt(live, section));
  const isLoaded = (mine: XmlElement): boolean =>
    sections.some((at) => sameElement(at, mine) || (isResource(mine) && sameElement(at, hold(mine))));
  const taken = new Set(descendantsOrSelf(findPath(live, ["configuration"]) ?? live).map(idOf));
  return [...resources, ...others]
    .filter((mine) => !isLoaded(mine))
    .flatMap((mine) => idsOf(mine).filter((id) => taken.has(id)));
}

function split<T>(values: readonly T[], holds: (value: T) => boolean): [readonly T[], readonly T[]] {
  return [values.filter(holds), values.filter((value) => !holds(value))];
}

function childrenAt(cib: XmlElement, section: string): readonly XmlElement[] {
  return findPath(cib, ["configuration", section])?.children ?? [];
}

function isFencing(resource: XmlElement): boolean {
  return primitivesOf(resource).some(({ attributes }) => attributes["class"] === "stonith");
}

/** A template is no resource that runs. */
function isPlaced({ name }: XmlElement): boolean {
  return name !== "template";
}

function isResource({ name }: XmlElement): boolean {
  return ["primitive", "group", "clone", "master", "bundle", "template"].includes(name);
}

function primitivesOf(resource: XmlElement): readonly XmlElement[] {
  return descendantsOrSelf(resource).filter(({ name }) => name === "primitive");
}

/** Every id of an element and what is in it that is its own, and no reference to another's. */
function idsOf(at: XmlElement): readonly string[] {
  return descendantsOrSelf(at)
    .filter(({ name }) => !["resource_ref", "obj_ref"].includes(name))
    .map(idOf)
    .filter((id) => id !== "");
}

function descendantsOrSelf(at: XmlElement): readonly XmlElement[] {
  return [at, ...at.children.flatMap(descendantsOrSelf)];
}

function idOf({ attributes }: XmlElement): string {
  return attributes["id"] ?? "";
}
