import { currentNode, isAvailable } from "./availability.js";
import { mergeScores } from "./colocated-scores.js";
import { copyAllowed, type Candidate, type Node, type Resource } from "../model.js";
import { INFINITY } from "../score.js";

/** Sorts a clone's instances in the order in which they choose their nodes: those that run well first. */
export function sortInstances(clone: Resource): void {
  const facts = new Map(clone.children.map((child) => [child, factsOf(clone, child)]));
  const of = (child: Resource): Facts => facts.get(child) ?? factsOf(clone, child);
  clone.children.sort((a, b) => compare(a, of(a), b, of(b)));
}

interface Facts {
  readonly node: Node | undefined;
  readonly active: number;
  readonly there: Candidate | undefined;
  readonly scores: readonly number[];
  readonly here: number;
}

function factsOf(clone: Resource, child: Resource): Facts {
  const node = currentNode(child);
  const { scores, here } = colocatedScores(clone, child);
  return {
    node,
    active: child.runningOn.length,
    there: node === undefined ? undefined : clone.allowed.get(node),
    scores,
    here,
  };
}

/** What the instance's nodes are worth with all that is colocated with the clone; and its own node's. */
function colocatedScores(clone: Resource, child: Resource): { scores: readonly number[]; here: number } {
  let table = copyAllowed(child.allowed);
  const [at] = child.runningOn;
  for (const colocation of clone.colocatedWith) {
    table = mergeScores(colocation.primary, table, {
      nodeAttribute: colocation.nodeAttribute,
      factor: colocation.score / INFINITY,
      rollback: true,
      nonnegative: true,
      toPrimaries: true,
    });
  }
  for (const colocation of clone.dependents) {
    table = mergeScores(colocation.dependent, table, {
      nodeAttribute: colocation.nodeAttribute,
      factor: colocation.score / INFINITY,
      rollback: true,
      nonnegative: true,
    });
  }
  const values = [...table.values()].filter(({ node }) => isAvailable(node)).map(({ weight }) => weight);
  return { scores: values.sort((a, b) => b - a), here: at === undefined ? 0 : (table.get(at)?.weight ?? -INFINITY) };
}

function compare(a: Resource, factsA: Facts, b: Resource, factsB: Facts): number {
  if (factsA.active > 0 && factsB.active > 0 && factsA.active !== factsB.active) return factsA.active - factsB.active;
  const [canA, canB] = [canStay(factsA), canStay(factsB)];
  if (canA !== canB) return canA ? -1 : 1;
  if (a.priority !== b.priority) return b.priority - a.priority;
  if ((factsA.node === undefined) !== (factsB.node === undefined)) return factsA.node === undefined ? 1 : -1;
  if (factsA.node !== undefined && factsB.node !== undefined) {
    const [availableA, availableB] = [isAvailable(factsA.node), isAvailable(factsB.node)];
    if (availableA !== availableB) return availableA ? -1 : 1;
  }
  if ((factsA.there === undefined) !== (factsB.there === undefined)) return factsA.there === undefined ? 1 : -1;
  const [weightA, weightB] = [factsA.there?.weight ?? 0, factsB.there?.weight ?? 0];
  if (weightA !== weightB) return weightB - weightA;
  if (a.failed !== b.failed) return a.failed ? 1 : -1;
  const byScore = compareScores(factsA, factsB);
  if (byScore !== 0) return byScore;
  return numberOf(a) - numberOf(b);
}

/** Whether its node is forbidden to it; one that is merely in standby, say, is not. */
function canStay({ node, there }: Facts): boolean {
  return node === undefined || (there !== undefined && there.weight >= 0);
}

function compareScores(a: Facts, b: Facts): number {
  if (a.active > 0 && b.active > 0 && a.here !== b.here) return b.here - a.here;
  for (let i = 0; i < Math.max(a.scores.length, b.scores.length); i++) {
    const [left, right] = [a.scores[i], b.scores[i]];
    if (left === undefined) return 1;
    if (right === undefined) return -1;
    if (left !== right) return right - left;
  }
  return 0;
}

export function numberOf(resource: Resource): number {
  return resource.instanceNumber ?? 0;
}
