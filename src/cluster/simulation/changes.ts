import type { Place, Placement, Situation } from "../scheduler/types.js";

/** One resource (all instances of it) or node, before and after. */
export interface Change {
  readonly name: string;
  readonly before: string;
  readonly after: string;
}

/** Every resource, in the order of the configuration; a clone's instances together. */
export function resourceChanges(before: Situation, after: Situation): readonly Change[] {
  const [old, next] = [before, after].map(({ placement }) => byResource(placement));
  const names = new Set([...(old?.keys() ?? []), ...(next?.keys() ?? [])]);
  return [...names].map((name) => ({
    name,
    before: placesText(old?.get(name) ?? []),
    after: placesText(next?.get(name) ?? []),
  }));
}

export function nodeChanges(before: Situation, after: Situation): readonly Change[] {
  const names = new Set([...Object.keys(before.nodes), ...Object.keys(after.nodes)]);
  return [...names].map((name) => ({
    name,
    before: nodeText(before.nodes[name] ?? []),
    after: nodeText(after.nodes[name] ?? []),
  }));
}

export function hasChanged({ before, after }: Change): boolean {
  return before !== after;
}

function byResource(placement: Placement): ReadonlyMap<string, readonly Place[]> {
  const found = new Map<string, Place[]>();
  for (const [path, places] of Object.entries(placement)) {
    const name = path.replace(/:\d+(?=\/|$)/g, "");
    found.set(name, [...(found.get(name) ?? []), ...places]);
  }
  return found;
}

/** `promoted n1, unpromoted n2` */
function placesText(places: readonly Place[]): string {
  const at = places.flatMap((place) => {
    const notes = [
      ...(place.failed ? ["failed"] : []),
      ...(place.blocked ? ["blocked"] : []),
      ...(place.orphaned ? ["orphaned"] : []),
      ...(place.managed === false ? ["unmanaged"] : []),
    ];
    const more = notes.length === 0 ? "" : ` (${notes.join(", ")})`;
    return place.nodes.map((node) => `${place.role.toLowerCase()} ${node}${more}`);
  });
  return at.length === 0 ? "stopped" : at.sort().join(", ");
}

function nodeText(flags: readonly string[]): string {
  const others = flags.filter((flag) => flag !== "online");
  if (!flags.includes("online")) return ["offline", ...others].join(", ");
  return others.length === 0 ? "online" : ["online", ...others].join(", ");
}
