import { copyFileSync, mkdirSync, readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalForm, type Canonical } from "../../../../../src/cluster/simulation/canonical.js";
import { schedule } from "../../../../../src/cluster/scheduler/schedule.js";
import { parseXml, writeXml, type XmlElement } from "../../../../../src/lib/xml.js";
import { compare, differences, identities, places, precedence, type Level } from "../../../../conformance/compare.js";
import { after, casesOf, timeOf } from "../../../../conformance/suite.js";
import { transitionOf } from "../../../../helpers/crm-simulate.js";
import { simulateAt } from "../simulate.js";
import { CONSTRAINT_MUTATIONS } from "./constraints.js";
import { HISTORY_MUTATIONS } from "./history.js";
import { NODE_MUTATIONS, type Mutation } from "./nodes.js";
import { placementOf } from "./placement.js";
import { Random, seedOf } from "./random.js";
import { RESOURCE_MUTATIONS } from "./resources.js";

export const MUTATIONS: Readonly<Record<string, Mutation>> = {
  ...NODE_MUTATIONS,
  ...HISTORY_MUTATIONS,
  ...RESOURCE_MUTATIONS,
  ...CONSTRAINT_MUTATIONS,
};

export interface Mutant {
  /** The case and what was changed in it. */
  readonly name: string;
  readonly cib: XmlElement;
  /** Ms since the epoch. */
  readonly now: number;
}

interface Selection {
  readonly tier: string;
  readonly only?: string | undefined;
  readonly seed: number;
  readonly kinds: readonly string[];
  /** How many of each case. */
  readonly each: number;
}

/** Cases of a suite, each with one thing changed; the same for the same seed. */
export function* mutants(suite: string, { tier, only, seed, kinds, each }: Selection): Generator<Mutant, undefined> {
  for (const one of casesOf(suite)) {
    if ((tier !== "all" && one.tier !== tier) || (only !== undefined && one.case !== only)) continue;
    const file = join(suite, "cib", `${one.case}.xml`);
    const cib = parseXml(readFileSync(file, "utf8"), file);
    const now = timeOf(one, cib);
    const random = new Random(seedOf(`${one.case} ${String(seed)}`));
    const order = kinds.map((kind) => ({ kind, at: random.next() })).sort((a, b) => a.at - b.at);
    let made = 0;
    for (const { kind } of order) {
      if (made >= each) break;
      const changed = MUTATIONS[kind]?.(cib, new Random(seedOf(`${one.case} ${kind} ${String(seed)}`)));
      if (changed === undefined) continue;
      made += 1;
      yield { name: `${one.case}+${kind.replaceAll(" ", "-")}`, cib: changed, now };
    }
  }
  return undefined;
}

export interface Tried {
  readonly levels: Readonly<Record<Level, boolean>>;
  /** How they differ, at the lowest level that does. */
  readonly lines: readonly string[];
}

/** Both decide; undefined where one of them refuses the CIB or does not know what is in it. */
export async function tryMutant({ name, cib, now }: Mutant, save?: string): Promise<Tried | undefined> {
  const folder = await mkdtemp(join(tmpdir(), "rehome-mutant-"));
  const [input, graph] = [join(folder, "input.xml"), join(folder, "graph.xml")];
  try {
    await writeFile(input, writeXml(cib));
    const told = await simulateAt(now, ["-x", input, "-S", "-Q", "--output-as=xml", "-G", graph], graph);
    if (told === undefined) return undefined;
    const expected = canonicalForm(transitionOf(parseXml(await readFile(graph, "utf8"), graph)), placementOf(told));
    const transition = schedule(cib, now);
    if (transition.unsupported.length > 0) return undefined;
    const actual = canonicalForm(transition, await after(cib, transition, now));
    const levels = compare(expected, actual);
    if (save !== undefined && !(levels.L1 && levels.L3)) {
      mkdirSync(save, { recursive: true });
      copyFileSync(input, join(save, `${name}.xml`));
    }
    return { levels, lines: linesOf(expected, actual, levels) };
  } finally {
    await rm(folder, { recursive: true });
  }
}

function linesOf(expected: Canonical, actual: Canonical, levels: Tried["levels"]): readonly string[] {
  const view = !levels.L2 ? identities : !levels.L3 ? precedence : places;
  return differences(view(expected), view(actual));
}
