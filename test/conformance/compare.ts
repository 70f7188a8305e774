import type { Canonical, CanonicalAction } from "../../src/cluster/simulation/canonical.js";

export const LEVELS = ["L1", "L2", "L3", "L4", "L5"] as const;
export type Level = (typeof LEVELS)[number];

/**
 * How far two runs agree. L1: final placement; L2: real actions; L3: their order, through pseudo actions too; L4: the
 * same graph; L5: parameters and metadata too. Clone numbers do not count up to L3.
 */
export function compare(expected: Canonical, actual: Canonical): Readonly<Record<Level, boolean>> {
  const L1 = actual.placement !== undefined && same(places(expected), places(actual));
  const L2 = same(identities(expected), identities(actual));
  const L3 = L2 && same(precedence(expected), precedence(actual));
  const [keys, ours] = [Object.keys(expected.actions).sort(), Object.keys(actual.actions).sort()];
  const L4 = L3 && same(keys, ours) && same(edges(expected), edges(actual));
  const L5 = L4 && keys.every((key) => isSameContract(expected.actions[key], actual.actions[key]));
  return { L1, L2, L3, L4, L5 };
}

/** The lines by which two sorted lists differ, for people. */
export function differences(expected: readonly string[], actual: readonly string[]): readonly string[] {
  const left = [...expected];
  const added = actual.filter((line) => {
    const at = left.indexOf(line);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  return [...left.map((line) => `- ${line}`), ...added.map((line) => `+ ${line}`)].sort();
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((each, index) => each === b[index]);
}

function strip(text: string): string {
  return text.replace(/:\d+(?=$|_|\/)/g, "");
}

export function places({ placement = {} }: Canonical): readonly string[] {
  return Object.entries(placement)
    .flatMap(([key, found]) => found.map(({ role, nodes = [] }) => `${strip(key)} ${role ?? ""} ${nodes.join(",")}`))
    .sort();
}

/** Allocation scores, one a line; they explain a difference and are not compared by any level. */
export function scores({ scores: found = [] }: Canonical): readonly string[] {
  return found
    .map(([kind, { function: stage = kind, id = "", node = "none", score = "" }]) => `${stage} ${id} ${node} ${score}`)
    .sort();
}

function identity(action: CanonicalAction): string {
  const { task, key, node = "", meta } = action;
  const resource = strip(action.resource ?? key.replace(/_[a-z_-]+_\d+$/, ""));
  return `${task} ${resource} ${node} ${task === "cancel" ? "" : (meta?.["interval"] ?? "0")}`;
}

function isReal({ kind, task }: CanonicalAction): boolean {
  return kind !== "pseudo" || task === "stonith";
}

export function identities({ actions }: Canonical): readonly string[] {
  return Object.values(actions).filter(isReal).map(identity).sort();
}

/** The whole graph, for people: what is in it and which orders are direct. */
export function graph(run: Canonical): readonly string[] {
  return [...Object.keys(run.actions).sort(), ...edges(run)];
}

function edges({ orders }: Canonical): readonly string[] {
  return [...new Set(orders.map(([first, then]) => `${first} > ${then}`))].sort();
}

export function precedence({ actions, orders }: Canonical): readonly string[] {
  const after = new Map<string, string[]>();
  for (const [first, then] of orders) after.set(first, [...(after.get(first) ?? []), then]);
  const found: string[] = [];
  for (const [start, action] of Object.entries(actions)) {
    if (!isReal(action)) continue;
    const seen = new Set<string>();
    const stack = [start];
    for (let at = stack.pop(); at !== undefined; at = stack.pop()) {
      for (const next of after.get(at) ?? []) {
        if (seen.has(next)) continue;
        seen.add(next);
        stack.push(next);
      }
    }
    for (const end of seen) {
      const later = actions[end];
      if (end !== start && later !== undefined && isReal(later)) found.push(`${identity(action)} > ${identity(later)}`);
    }
  }
  return found.sort();
}

function isSameContract(a: CanonicalAction | undefined, b: CanonicalAction | undefined): boolean {
  const flat = (values: Readonly<Record<string, string>> = {}): readonly string[] =>
    Object.entries(values)
      .map(([name, value]) => `${name}=${value}`)
      .sort();
  return same(flat(a?.params), flat(b?.params)) && same(flat(a?.meta), flat(b?.meta));
}
