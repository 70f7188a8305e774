import { createHash } from "node:crypto";
import { unifiedDiff } from "../../lib/diff.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import { element } from "../../lib/xml.js";
import { configurationText } from "../configure.js";
import { readLiveCib } from "../pacemaker/live-cib.js";
import { emptyCib } from "./cib/empty.js";
import { isOurs } from "./files/mark.js";
import type { CibStep, FileStep, Place, Step } from "./steps/types.js";

/** A step, and whether it still has to be taken. */
export interface Examined {
  readonly step: Step;
  readonly needed: boolean;
  /** What it would change, as diff -u prints it; empty where nothing is known yet or nothing may be shown. */
  readonly diff: string;
  /** Somebody else's file, which must not be replaced: its content. */
  readonly foreign?: string;
  /** Whether a file is there already. */
  readonly exists?: boolean;
  /** What a file should be; undefined until all that it is made of is there. */
  readonly after?: Buffer | undefined;
}

const LIMIT = { timeoutMs: 60_000 };

/** Files by machine and path as they were read before; what is not in it is read. */
export type Contents = ReadonlyMap<string, Buffer | undefined>;

export function contentsKey({ machine, path }: Place): string {
  return `${machine}:${path}`;
}

/** One line a file: its content in base64, or `-` when there is none. */
const READ = 'for file; do if [ -e "$file" ]; then base64 -w0 -- "$file" || exit 1; echo; else echo -; fi; done';

/** Reads files of a machine, in one go. @throws RehomeError command-failed for one that cannot be read */
export async function readFiles(host: Host, paths: readonly string[]): Promise<readonly (Buffer | undefined)[]> {
  if (paths.length === 0) return [];
  const lines = (await runChecked(host, ["sh", "-c", READ, "sh", ...paths], LIMIT)).split("\n");
  return paths.map((_, index) => (lines[index] === "-" ? undefined : Buffer.from(lines[index] ?? "", "base64")));
}

/** Finds out whether a step is needed; changes nothing. @throws RehomeError connection-lost */
export async function examine(
  step: Step,
  hosts: ReadonlyMap<string, Host>,
  contents: Contents = new Map(),
): Promise<Examined> {
  const host = hostOf(hosts, step.machine);
  switch (step.kind) {
    case "file":
      return examineFile(step, host, await compareFile(step, hosts, contents));
    case "command":
      return { step, needed: (await host.run(step.unless, LIMIT)).exitCode !== 0, diff: "" };
    case "wait":
      return { step, needed: (await host.run(step.until, LIMIT)).exitCode !== 0, diff: "" };
    case "cib":
      return examineCib(step, host);
  }
}

/** @throws TypeError for a machine that is not connected: a fault of the caller */
export function hostOf(hosts: ReadonlyMap<string, Host>, name: string): Host {
  const host = hosts.get(name);
  if (host === undefined) throw new TypeError(`no connection to ${name}`);
  return host;
}

/** What a file is and what it should be; `after` is undefined until all that it is made of is there. */
async function compareFile(
  step: FileStep,
  hosts: ReadonlyMap<string, Host>,
  contents: Contents = new Map(),
): Promise<Compared> {
  const read = async (place: Place): Promise<Buffer | undefined> => {
    const key = contentsKey(place);
    if (contents.has(key)) return contents.get(key);
    return (await readFiles(hostOf(hosts, place.machine), [place.path]))[0];
  };
  const before = await read(step);
  const sources = await Promise.all(step.sources.map(read));
  const there = sources.filter((source) => source !== undefined);
  return { before, after: there.length === sources.length ? step.compose(before, there) : undefined };
}

interface Compared {
  readonly before: Buffer | undefined;
  readonly after: Buffer | undefined;
}

async function examineFile(step: FileStep, host: Host, { before, after }: Compared): Promise<Examined> {
  const needed = after === undefined || before === undefined || !before.equals(after);
  const found = { step, needed, exists: before !== undefined, after };
  if (!needed) return { ...found, diff: "" };
  if (before !== undefined && (await isForeign(step, before, host))) {
    return { ...found, diff: "", foreign: step.secret ? "" : before.toString("utf8") };
  }
  if (step.secret || after === undefined) return { ...found, diff: "" };
  const label = `${step.machine}:${step.path}`;
  const diff = await unifiedDiff(
    { label: before === undefined ? "/dev/null" : label, text: before?.toString("utf8") ?? "" },
    { label, text: after.toString("utf8") },
  );
  return { ...found, diff };
}

/** A whole file that neither we wrote nor a package brought as an example. */
async function isForeign({ sharing, path }: FileStep, content: Buffer, host: Host): Promise<boolean> {
  if (sharing !== "own" || isOurs(content.toString("utf8"))) return false;
  const { stdout } = await host.run(["dpkg-query", "--show", "--showformat=${Conffiles}\\n"], LIMIT);
  const digest = createHash("md5").update(content).digest("hex"); // dpkg's own
  return !stdout.split("\n").some((line) => line.trim().startsWith(`${path} ${digest}`));
}

async function examineCib(step: CibStep, host: Host): Promise<Examined> {
  const live = step.seen ?? (await readLiveCib(host));
  const before = live ?? emptyCib(step.members);
  const after = step.edit(before);
  if (after === before) return { step, needed: false, diff: "" };
  const diff = await unifiedDiff(
    { label: "the CIB in use", text: configurationText(live ?? element("cib")) },
    { label: "the CIB", text: configurationText(after) },
  );
  return { step, needed: true, diff };
}
