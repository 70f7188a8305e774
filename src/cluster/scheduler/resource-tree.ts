import type { CloneSettings, Resource } from "./model.js";

/** The outermost resource it belongs to (a bundle excepted). */
export function topOf(resource: Resource): Resource {
  let top = resource;
  while (top.parent !== undefined && top.parent.variant !== "bundle") top = top.parent;
  return top;
}

/** Whether a resource is below another. */
export function isWithin(resource: Resource, outer: Resource): boolean {
  for (let up = resource.parent; up !== undefined; up = up.parent) if (up === outer) return true;
  return false;
}

export function isClone(resource: Resource | undefined): resource is Resource & { clone: CloneSettings } {
  return resource?.clone !== undefined && resource.variant === "clone";
}

export function isPromotableClone(resource: Resource | undefined): boolean {
  return isClone(resource) && resource.promotable;
}

export function isAnonymousClone(resource: Resource | undefined): boolean {
  return isClone(resource) && !resource.unique;
}

/** Every primitive of it, itself if it is one. */
export function primitivesOf(resource: Resource): readonly Resource[] {
  return resource.children.length === 0 && resource.variant === "primitive"
    ? [resource]
    : resource.children.flatMap(primitivesOf);
}

/** The resource and all below it. */
export function withDescendants(resource: Resource): readonly Resource[] {
  return [resource, ...resource.children.flatMap(withDescendants)];
}

/** The id without an instance number. */
export function baseId(id: string): string {
  return id.replace(/:\d+$/, "");
}
