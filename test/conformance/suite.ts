import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { schedule } from "../../src/cluster/scheduler/schedule.js";
import { parseXml, type XmlElement } from "../../src/lib/xml.js";
import { canonicalForm, type Canonical } from "../../src/cluster/simulation/canonical.js";
import { carryOut } from "../../src/cluster/simulation/carry-out.js";
import type { Situation, Transition } from "../../src/cluster/scheduler/types.js";
import { compare, LEVELS, type Level } from "./compare.js";

export interface Case {
  readonly case: string;
  readonly category: string;
  readonly tier: string;
  /** The time to schedule at, as crm_simulate takes it; most cases need none. */
  readonly at?: string | null;
}

export interface CaseResult {
  readonly case: Case;
  readonly levels: Readonly<Record<Level, boolean>>;
  readonly expected: Canonical;
  readonly actual: Canonical | undefined;
  /** Why the result cannot be trusted, or is none: it is said, whatever the levels are. */
  readonly why?: string;
}

const NONE: Readonly<Record<Level, boolean>> = { L1: false, L2: false, L3: false, L4: false, L5: false };

export interface SuiteOptions {
  /** Where to write each case's canonical form; nowhere when undefined. */
  readonly out?: string | undefined;
  readonly tier?: string | undefined;
  readonly only?: string | undefined;
}

/** The cases a folder lists. */
export function casesOf(suite: string): readonly Case[] {
  return readJson(join(suite, "cases.json")) as readonly Case[];
}

/** Schedules every case of a suite in this process, carries it out in virtual time, and compares it with Pacemaker. */
export async function runSuite(
  suite: string,
  { out, tier, only }: SuiteOptions,
): Promise<{ results: readonly CaseResult[]; scheduledMs: number }> {
  const cases = casesOf(suite);
  if (out !== undefined) mkdirSync(out, { recursive: true });
  let scheduledMs = 0;
  const results: CaseResult[] = [];
  for (const each of cases) {
    if ((tier !== undefined && each.tier !== tier) || (only !== undefined && each.case !== only)) continue;
    const expected = readJson(join(suite, "expected", `${each.case}.json`)) as Canonical;
    const file = join(suite, "cib", `${each.case}.xml`);
    const begun = performance.now();
    try {
      const root = parseXml(readFileSync(file, "utf8"), file);
      const now = timeOf(each, root);
      const transition = schedule(root, now);
      scheduledMs += performance.now() - begun;
      const actual = canonicalForm(transition, await after(root, transition, now));
      if (out !== undefined) writeFileSync(join(out, `${each.case}.json`), `${JSON.stringify(actual, null, 1)}\n`);
      const { unsupported } = transition;
      results.push({
        ...{ case: each, levels: compare(expected, actual), expected, actual },
        ...(unsupported.length > 0 && { why: `unsupported: ${unsupported.join(", ")}` }),
      });
    } catch (error) {
      results.push({ case: each, levels: NONE, expected, actual: undefined, why: String(error) });
    }
  }
  return { results, scheduledMs };
}

/** Where everything is when a transition was carried out as crm_simulate does; what cannot be trusted is not. */
export async function after(root: XmlElement, transition: Transition, now: number): Promise<Situation> {
  if (transition.unsupported.length > 0) return transition.present;
  const { cib, endedAt } = await carryOut(root, transition, now, { nodesLeave: false });
  return asListed(schedule(cib, endedAt).present);
}

/**
 * crm_simulate does not list a group or clone that is active only on nodes that are offline, where nobody can act on it.
 * A place without nodes is not active.
 */
function asListed({ placement, nodes }: Situation): Situation {
  const beyondReach = (path: string): boolean => {
    const [top = "", ...members] = path.split("/");
    const active = Object.entries(placement)
      .filter(([other]) => other.startsWith(`${top}/`))
      .flatMap(([, places]) => places.filter((place) => place.nodes.length > 0));
    return (
      members.length > 0 &&
      active.length > 0 &&
      active.every(
        (place) =>
          (place.blocked === true || place.managed === false) &&
          place.nodes.every((name) => nodes[name]?.includes("online") !== true),
      )
    );
  };
  return { placement: Object.fromEntries(Object.entries(placement).filter(([path]) => !beyondReach(path))), nodes };
}

export function count(results: readonly CaseResult[]): Readonly<Record<Level, number>> {
  const at = (level: Level): number => results.filter(({ levels }) => levels[level]).length;
  return { L1: at("L1"), L2: at("L2"), L3: at("L3"), L4: at("L4"), L5: at("L5") };
}

export function summary(name: string, results: readonly CaseResult[]): string {
  const counts = count(results);
  const said = results.filter(({ why }) => why !== undefined).length;
  const levels = LEVELS.map((level) => `${level} ${counts[level]}/${results.length}`).join(", ");
  return `${name}: ${levels}${said === 0 ? "" : `; ${said} not understood, which is said`}`;
}

function readJson(path: string): unknown {
  return JSON.parse(readFileSync(path, "utf8"));
}

/**
 * When a case is scheduled: at the time it names, or else when the CIB was saved for the scheduler, or now. `2005-020`
 * and the like are days of a year; times are UTC unless they say otherwise.
 */
export function timeOf({ at }: Pick<Case, "at">, { attributes }: XmlElement): number {
  if (at === undefined || at === null) {
    const saved = Number(attributes["execution-date"]);
    return Number.isFinite(saved) ? saved * 1000 : Date.now();
  }
  const seconds = /^@?(\d{9,})$/.exec(at);
  if (seconds !== null) return Number(seconds[1]) * 1000;
  const day = /^(\d{4})-(\d{3})(.*)$/.exec(at);
  const text = (
    day === null
      ? at
      : new Date(Date.UTC(Number(day[1]), 0, Number(day[2]))).toISOString().slice(0, 10) + (day[3] ?? "")
  ).trim();
  const time = Date.parse(
    /[zZ]$|[+-]\d\d:?\d\d$/.test(text) || text.length <= 10 ? text.replace(" ", "T") : `${text.replace(" ", "T")}Z`,
  );
  if (Number.isNaN(time)) throw new RangeError(`the time ${at} cannot be read`);
  return time;
}
