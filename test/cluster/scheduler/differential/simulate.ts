import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { schedule } from "../../../../src/cluster/scheduler/schedule.js";
import { parseXml, writeXml } from "../../../../src/lib/xml.js";
import { canonicalForm, type Canonical } from "../../../../src/cluster/simulation/canonical.js";
import { compare, type Level } from "../../../conformance/compare.js";
import { transitionOf } from "../../../helpers/crm-simulate.js";
import { bareCib } from "./cib.js";
import { happen } from "./events.js";
import type { Shape } from "./shape.js";

export interface Outcome {
  readonly shape: Shape;
  /** The CIB both decided on, as crm_simulate saved it. */
  readonly cib: string;
  readonly expected: Canonical;
  readonly actual: Canonical;
  readonly levels: Readonly<Record<Level, boolean>>;
}

/** A time later than everything in the history. */
export const NOW = Date.UTC(2031, 0, 1);

/** What crm_simulate is given as its clock: local or zone-less times are not portable. */
const CLOCK = ["-t", "2031-01-01 00:00:00Z"] as const;

/** Lets the cluster come up, lets things happen, and has both schedulers decide what to do then. */
export async function decide(shape: Shape): Promise<Outcome> {
  const folder = await mkdtemp(join(tmpdir(), "rehome-differential-"));
  const file = (name: string): string => join(folder, name);
  try {
    await writeFile(file("bare.xml"), writeXml(bareCib(shape)));
    await simulate(["-x", file("bare.xml"), "-S", "-Q", "-O", file("up.xml")], file("up.xml"));
    const { cib, injected } = happen(parseXml(await readFile(file("up.xml"), "utf8"), "up.xml"), shape);
    await writeFile(file("changed.xml"), writeXml(cib));
    const saved = ["-I", file("input.xml"), "-G", file("graph.xml")];
    await simulate(["-x", file("changed.xml"), "-S", "-Q", ...injected, ...saved], file("graph.xml"));
    return compareOn(shape, await readFile(file("input.xml"), "utf8"), await readFile(file("graph.xml"), "utf8"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** What crm_simulate decides for a CIB that is kept, compared with ours. */
export async function decideOn(path: string): Promise<Omit<Outcome, "shape">> {
  const folder = await mkdtemp(join(tmpdir(), "rehome-differential-"));
  try {
    const graph = join(folder, "graph.xml");
    await simulate(["-x", path, "-S", "-Q", "-G", graph], graph);
    return compareWith(await readFile(path, "utf8"), await readFile(graph, "utf8"));
  } finally {
    await rm(folder, { recursive: true });
  }
}

function compareOn(shape: Shape, cib: string, graph: string): Outcome {
  return { shape, ...compareWith(cib, graph) };
}

function compareWith(cib: string, graph: string): Omit<Outcome, "shape"> {
  // Only decisions are compared; where they lead to is a matter of the regression suite.
  const nowhere = { placement: {}, nodes: {} };
  const expected = canonicalForm(transitionOf(parseXml(graph, "graph.xml")), nowhere);
  const actual = canonicalForm(schedule(parseXml(cib, "input.xml"), NOW), nowhere);
  return { cib, expected, actual, levels: compare(expected, actual) };
}

/** It carries the transition out itself and may fail at that; what counts is whether it wrote what was asked for. */
async function simulate(args: readonly string[], wanted: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    execFile("crm_simulate", [...args, ...CLOCK], { maxBuffer: 64 * 1024 * 1024 }, (error, _out, told) => {
      if (existsSync(wanted)) resolve();
      else reject(new Error(`crm_simulate ${args.join(" ")}: ${error?.message ?? "wrote nothing"}: ${told}`));
    });
  });
}

/** What it prints when it decides at a time (ms since the epoch); undefined where it refuses the CIB. */
export async function simulateAt(now: number, args: readonly string[], wanted: string): Promise<string | undefined> {
  const time = new Date(now).toISOString().slice(0, 19).replace("T", " ");
  const options = { maxBuffer: 64 * 1024 * 1024, env: { ...process.env, LC_ALL: "C" } };
  return new Promise((resolve) => {
    execFile("crm_simulate", [...args, "-t", `${time}Z`], options, (_error, printed) => {
      resolve(existsSync(wanted) ? printed : undefined);
    });
  });
}
