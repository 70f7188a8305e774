import { RehomeError } from "../lib/errors.js";
import { wrap } from "../lib/view/table.js";
import type { XmlElement } from "../lib/xml.js";
import { changeCib, unchanged, type ChangeResult } from "./change.js";
import type { Edit } from "./cib/tree.js";
import { setTargetRole } from "./control.js";
import { promotable, type Movable } from "./moves.js";
import { schedule } from "./scheduler/index.js";
import type { Situation } from "./scheduler/types.js";
import { hasChanged, resourceChanges, type Change } from "./simulation/changes.js";
import { whatIf } from "./simulation/what-if.js";
import type { Cluster } from "./types.js";

/** What a change of the CIB would lead to, by simulation. */
export interface Foreseen {
  /** Where everything ends up without the change, and with it. */
  readonly before: Situation;
  readonly after: Situation;
  /** Every resource, with the change and without it. */
  readonly resources: readonly Change[];
  /** Why it cannot be foreseen: what the scheduler does not understand. */
  readonly unsupported: readonly string[];
}

export async function foresee(cib: XmlElement, edit: Edit, now: number): Promise<Foreseen> {
  const { after: before } = await whatIf(cib, { injections: [], failures: [], now });
  const { after, unsupported } = await whatIf(cib, { injections: [edit], failures: [], now });
  return { before, after, resources: resourceChanges(before, after), unsupported };
}

/** A change that was asked for, and what it moves. */
export interface ForeseenChange extends ChangeResult {
  readonly dryRun: boolean;
  /** What becomes something else by it, the resource itself first. */
  readonly moves: readonly Change[];
  readonly unsupported: readonly string[];
}

export interface ForeseenRequest {
  readonly cluster: Cluster;
  /** What is to be changed, decided once: where a resource is now is another place as soon as the change is made. */
  readonly editOf: (cib: XmlElement) => Edit;
  /** Why the result is not what was asked for; undefined when it is. */
  readonly objection: (cib: XmlElement, foreseen: Foreseen) => string | undefined;
  readonly dryRun: boolean;
  /** Change it even so. */
  readonly force: boolean;
}

/** Changes the CIB, after a look at what that would lead to. @throws RehomeError resource-stays, and as Cluster.update */
export async function changeForeseen(request: ForeseenRequest): Promise<ForeseenChange> {
  const { cluster, editOf, objection, dryRun, force } = request;
  const cib = await cluster.read();
  const edit = editOf(cib);
  const foreseen = await foresee(cib, edit, Date.now());
  const why = foreseen.unsupported.length > 0 ? undefined : objection(cib, foreseen);
  if (why !== undefined && !force) {
    throw new RehomeError("resource-stays", why, {
      remedy: "rehome cluster simulate --scores tells why; --force asks for it all the same",
    });
  }
  const { unsupported } = foreseen;
  const moves = unsupported.length > 0 ? [] : foreseen.resources.filter(hasChanged);
  const result = dryRun ? unchanged(cib) : await changeCib(cluster, edit);
  return { ...result, dryRun, moves, unsupported };
}

/** Asks for a promotable clone to be promoted, or to be kept unpromoted. @throws RehomeError as changeForeseen */
export function changeRole(
  cluster: Cluster,
  resource: string,
  role: "Promoted" | "Unpromoted",
  options: { readonly dryRun: boolean; readonly force: boolean },
): Promise<ForeseenChange> {
  return changeForeseen({
    ...{ cluster, ...options },
    editOf: (cib) => setTargetRole(promotable(cib, resource), role),
    objection: (cib, foreseen) => roleObjection(promotable(cib, resource), role, foreseen),
  });
}

/** What moves, as lines for a person. */
export function movesText({
  moves,
  dryRun,
  unsupported,
}: Pick<ForeseenChange, "moves" | "dryRun" | "unsupported">): readonly string[] {
  if (unsupported.length > 0) return [`what moves cannot be foreseen: the CIB uses ${unsupported.join(", ")}`];
  const would = dryRun ? "would go" : "goes";
  return moves.flatMap(({ name, before, after }) =>
    wrap(`${name} ${would} from ${before} to ${after}`, 76).map((line, at) => (at === 0 ? `  ${line}` : `    ${line}`)),
  );
}

/** Where a resource (or one of its parts) is in a role; `Started` stands for any but stopped. */
export function nodesOf({ id, role }: Movable, { placement }: Situation): readonly string[] {
  const places = Object.entries(placement)
    .filter(([path]) => path === id || path.startsWith(`${id}/`))
    .flatMap(([, found]) =>
      found.filter((place) => (role === "Started" ? place.role !== "Stopped" : place.role === role)),
    );
  return [...new Set(places.flatMap(({ nodes }) => nodes))].sort();
}

/**
 * Where a resource that is to leave its node is now.
 * @throws RehomeError resource-stays when it is nowhere, usage when it is in several places
 */
export function presentNode(cib: XmlElement, moved: Movable, now: number): string {
  const [node, ...others] = nodesOf(moved, schedule(cib, now).present);
  const remedy = `name the node that it is to run on: rehome cluster move ${moved.id} NODE`;
  if (node === undefined) throw new RehomeError("resource-stays", `"${moved.id}" runs nowhere`, { remedy });
  if (others.length === 0) return node;
  throw new RehomeError("usage", `"${moved.id}" is on ${[node, ...others].join(" and ")}`, { remedy });
}

/** Why a resource would not be where it was asked to be (anywhere but where it is, without a node). */
export function moveObjection(moved: Movable, node: string | undefined, foreseen: Foreseen): string | undefined {
  const [from, to] = [nodesOf(moved, foreseen.before), nodesOf(moved, foreseen.after)];
  const role = moved.role === "Promoted" ? "promoted " : "";
  if (node === undefined) {
    const end = moved.role === "Promoted" ? "promoted nowhere" : "stopped";
    if (to.length === 0) return `no other node may run "${moved.id}": it would be ${end}`;
    return from.join() === to.join() ? `"${moved.id}" would be ${role}on ${to.join(", ")} all the same` : undefined;
  }
  if (from.includes(node)) return `"${moved.id}" is ${role}on ${node} already`;
  if (to.includes(node)) return undefined;
  return `"${moved.id}" would not be ${role}on ${node}, but ${to.length === 0 ? "nowhere" : `on ${to.join(", ")}`}`;
}

/** Why a promotable clone would not be what it was asked to be. */
function roleObjection(id: string, role: "Promoted" | "Unpromoted", foreseen: Foreseen): string | undefined {
  const before = nodesOf({ id, role: "Promoted" }, foreseen.before);
  const after = nodesOf({ id, role: "Promoted" }, foreseen.after);
  if (role === "Unpromoted") return before.length > 0 ? undefined : `"${id}" is promoted nowhere as it is`;
  if (after.length === 0) return `no node may promote "${id}"`;
  return before.length > 0 ? `"${id}" is promoted on ${before.join(", ")} already` : undefined;
}
