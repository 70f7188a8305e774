import { readFile } from "node:fs/promises";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { isMap, isPair, isScalar, LineCounter, parseDocument, visit, type Document } from "yaml";
import { RehomeError } from "../errors.js";
import { nearest } from "../nearest.js";
import { clusterProblems } from "./cluster-problems.js";
import { dotted, problemsOf, type Problem } from "./problems.js";
import { configSchema, type Config } from "./schema.js";

/**
 * Reads rehome.yaml. File names in it that are not absolute are taken from its folder; `~/` is the home folder.
 * @throws RehomeError config-missing, config-invalid (with path, line and key; every further problem in `output`)
 */
export async function loadConfig(path: string): Promise<Config> {
  return parseConfig(await readText(path), path);
}

async function readText(path: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    const missing = (cause as NodeJS.ErrnoException).code === "ENOENT";
    throw new RehomeError("config-missing", missing ? "there is no such file" : `cannot read: ${String(cause)}`, {
      path,
      cause,
      remedy: "write one with rehome init, or name yours with --config",
    });
  }
}

/** As `loadConfig`, from text. @param path for messages, and the folder that file names are relative to */
export function parseConfig(text: string, path: string): Config {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true, merge: false });
  const broken = document.errors[0] ?? document.warnings[0];
  if (broken !== undefined) {
    const line = lines.linePos(broken.pos[0]).line;
    const message = broken.message.split(/ at line \d+/)[0] ?? broken.message;
    const duplicate = broken.code === "DUPLICATE_KEY" ? keyAtOffset(text, broken.pos[0]) : undefined;
    throw new RehomeError(
      "config-invalid",
      duplicate === undefined ? lowerFirst(message) : `duplicate key "${duplicate}"`,
      {
        path,
        line,
        remedy: duplicate === undefined ? "correct the YAML of this line or the one above it" : "keep one of them",
      },
    );
  }
  refusePrototypeKeys(document, lines, path);
  const content = toPlain(document, path);
  const parsed = configSchema.safeParse(content);
  const problems = parsed.success ? crossProblems(parsed.data) : problemsOf(parsed.error.issues, content);
  if (problems.length > 0) throw invalid(problems, document, lines, path);
  return resolvePaths(parsed.data as Config, path);
}

function toPlain(document: Document, path: string): unknown {
  try {
    return document.toJS({ maxAliasCount: 20 }) as unknown;
  } catch (cause) {
    throw new RehomeError("config-invalid", `cannot read: ${String(cause)}`, {
      path,
      cause,
      remedy: "write it without aliases",
    });
  }
}

/** `__proto__` would be dropped in silence by every JavaScript object that it is put into. */
function refusePrototypeKeys(document: Document, lines: LineCounter, path: string): void {
  visit(document, {
    Pair(_, pair) {
      if (!isScalar(pair.key) || pair.key.value !== "__proto__") return;
      throw new RehomeError("config-invalid", 'the name "__proto__" cannot be used', {
        path,
        line: lines.linePos(pair.key.range?.[0] ?? 0).line,
        remedy: "choose another name",
      });
    },
  });
}

/** What the schema cannot say: names that refer to each other. */
function crossProblems(config: Config): readonly Problem[] {
  return [...guestProblems(config), ...clusterProblems(config.cluster)];
}

function guestProblems(config: Config): readonly Problem[] {
  const taken = new Map<string, string>();
  return Object.entries(config.guests).flatMap(([name, guest]): Problem[] => {
    if (Object.hasOwn(config.sources, guest.source)) {
      const machine = machineOf(config, guest.source);
      const other = taken.get(machine);
      if (other === undefined) taken.set(machine, name);
      return other === undefined ? [] : [takenBy(other, name, guest.source)];
    }
    const known = Object.keys(config.sources);
    const near = nearest(guest.source, known);
    return [
      {
        path: ["guests", name, "source"],
        message: `there is no source "${guest.source}"`,
        remedy: near === undefined ? `sources are ${known.join(", ") || "none yet"}` : `did you mean "${near}"?`,
      },
    ];
  });
}

/** What a source is: a domain of a Xen host may be described twice under two names. */
function machineOf({ sources }: Config, name: string): string {
  const { kind, address, domain } = sources[name] ?? {};
  return kind === "xen" ? `domain ${domain ?? ""} on ${address?.replace(/^.*@/, "") ?? ""}` : `source ${name}`;
}

/** Of one machine two guests would run, each with all that it was. */
function takenBy(other: string, name: string, source: string): Problem {
  return {
    path: ["guests", name, "source"],
    message: `"${source}" is what guest "${other}" is made of`,
    remedy: `name another source, or take ${name} or ${other} out`,
  };
}

function invalid(problems: readonly Problem[], document: Document, lines: LineCounter, path: string): RehomeError {
  const placed = problems
    .map((problem) => ({ ...problem, line: lineOf(problem.path, document, lines) }))
    .sort((a, b) => a.line - b.line);
  const [first, ...others] = placed;
  if (first === undefined) throw new RehomeError("internal", "no problem to report");
  const describe = (problem: Problem) =>
    problem.path.length === 0 ? problem.message : `${dotted(problem.path)}: ${problem.message}`;
  return new RehomeError("config-invalid", describe(first), {
    path,
    line: first.line,
    remedy: first.remedy,
    ...(others.length > 0 && {
      output: others.map((problem) => `line ${problem.line}: ${describe(problem)}; ${problem.remedy}`).join("\n"),
    }),
  });
}

/** The line of the last key of a path that is there; a missing key is reported where its parent begins. */
function lineOf(path: readonly PropertyKey[], document: Document, lines: LineCounter): number {
  let node: unknown = document.contents;
  let offset = 0;
  for (const key of path) {
    if (isMap(node)) {
      const pair: unknown = node.items.find((item) => isScalar(item.key) && String(item.key.value) === String(key));
      if (!isPair(pair)) break;
      offset = offsetOf(pair.key) ?? offset;
      node = pair.value;
    } else {
      node = document.getIn(path.slice(0, path.indexOf(key) + 1), true);
      offset = offsetOf(node) ?? offset;
    }
  }
  return lines.linePos(offset).line;
}

function offsetOf(node: unknown): number | undefined {
  return (node as { range?: readonly number[] | null } | null | undefined)?.range?.[0];
}

function keyAtOffset(text: string, offset: number): string {
  return /^["']?([^:"'\n]*)/.exec(text.slice(offset))?.[1]?.trim() ?? "";
}

function lowerFirst(message: string): string {
  return message.charAt(0).toLowerCase() + message.slice(1);
}

interface FileNames {
  readonly identity?: string | undefined;
  readonly passwordFile?: string | undefined;
  readonly knownHosts?: string | undefined;
}

function resolvePaths(config: Config, path: string): Config {
  const absolute = (file: string) =>
    file.startsWith("~/") ? join(homedir(), file.slice(2)) : resolve(dirname(path), file);
  const files = <T extends FileNames>(entry: T): T => ({
    ...entry,
    ...(entry.identity !== undefined && { identity: absolute(entry.identity) }),
    ...(entry.passwordFile !== undefined && { passwordFile: absolute(entry.passwordFile) }),
    ...(entry.knownHosts !== undefined && { knownHosts: absolute(entry.knownHosts) }),
  });
  const each = <T>(entries: Readonly<Record<string, T>>, edit: (entry: T) => T): Record<string, T> =>
    Object.fromEntries(Object.entries(entries).map(([name, entry]) => [name, edit(entry)]));
  const { cluster } = config;
  return {
    ...config,
    sources: each(config.sources, files),
    ...(cluster !== undefined && {
      cluster: {
        ...cluster,
        hosts: each(cluster.hosts, (host) => ({ ...files(host), bmc: files(host.bmc) })),
        arbitrator: {
          ...files(cluster.arbitrator),
          ...(cluster.arbitrator.bmc !== undefined && { bmc: files(cluster.arbitrator.bmc) }),
        },
      },
    }),
  };
}
