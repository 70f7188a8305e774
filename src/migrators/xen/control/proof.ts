import { randomBytes } from "node:crypto";
import { delay } from "../../../lib/delay.js";
import { RehomeError } from "../../../lib/errors.js";
import { commandFailed } from "../../../lib/host/run.js";
import type { Host, RunResult } from "../../../lib/host/types.js";
import { parseBackends } from "../parse/backends.js";
import { ASK, parseAnswers, type Answer } from "./answers.js";
import { COMMAND_MS, idIn, type ControlledDomain } from "./domain.js";

/** What a host says of one of its domains, all of it asked in the same moment. */
export interface Proof {
  /** The domain's id, as long as there is one of its name. */
  readonly id: number | undefined;
  /** Those of its disks that the host has open, for whichever domain. */
  readonly open: readonly string[];
  /** Those of them that it has open for another domain. */
  readonly shared: readonly string[];
  /**
   * The host's boot id and the state of the domain's disks: as long as it stays the same, nobody has written to them, and
   * so the domain was not started in between either.
   */
  readonly writes: string;
}

/**
 * Arguments after the mark: the tool, the id of a domain that is to be shut down first (or nothing), and paths.
 *
 * The tool's own waiting ends when the guest has halted; its host takes it down only after that, mostly within a second,
 * which is waited for here: each question from afar takes longer than that. Whether it is gone is not decided here.
 *
 * The writes are asked last, when all else said that the domain is off: a line for each path with what the kernel counted
 * of writes and discards to a device since its host started (Documentation/admin-guide/iostats.rst), or when a file was
 * changed last.
 */
const PROVE = `${ASK}
tool=$1 id=$2
shift 2
shut_down() {
  "$tool" shutdown -w -- "$id" || return
  tries=0
  while [ "$tries" -lt 50 ] && "$tool" domname "$id" >/dev/null 2>&1; do
    sleep 0.2 2>/dev/null || sleep 1
    tries=$((tries + 1))
  done
}
writes() {
  for path; do
    if [ -b "$path" ]; then
      number=$(stat -L -c '%t %T' "$path") || return
      set -- $number
      read -r _ _ _ _ writes _ sectors _ _ _ _ discards _ dsectors _ <"/sys/dev/block/$((0x$1)):$((0x$2))/stat" || return
      echo "$writes $sectors $discards $dsectors"
    else
      stat -L -c '%i %s %y %z' "$path" || return
    fi
  done
}
[ -z "$id" ] || ask shutdown shut_down
ask boot cat /proc/sys/kernel/random/boot_id
ask list "$tool" list
ask backends xenstore-ls -f /local/domain/0/backend
ask writes writes "$@"
finish`;

const ASKED = ["boot", "list", "backends", "writes"] as const;
/** Between two looks from afar at a domain that is on its way down, in ms. */
const POLL_MS = 250;
/** For the host to let go of the disks of a domain that has ended. */
const RELEASE_MS = 30_000;

/** Asks a host by one program. @throws RehomeError command-failed, output-unreadable when it cannot tell */
export async function prove(host: Host, domain: ControlledDomain): Promise<Proof> {
  const asked = await run(host, domain, "", COMMAND_MS);
  return understood(host, domain, answersOf(host, asked, ASKED));
}

/**
 * Shuts one run of a domain down in the regular way, and waits until it is gone.
 * @param id of that run: another one is never touched
 * @returns what its host says then: the id still stands there when `timeoutMs` were not enough
 * @throws RehomeError command-failed, cutover-stale when another run was found, output-unreadable, connection-lost
 */
export async function shutDown(host: Host, domain: ControlledDomain, id: number, timeoutMs: number): Promise<Proof> {
  const until = performance.now() + timeoutMs;
  let proof = await tellToShutDown(host, domain, id, timeoutMs);
  while (proof.id === id && performance.now() < until) {
    await delay(POLL_MS);
    proof = await prove(host, domain);
  }
  if (proof.id === undefined || proof.id === id) return proof;
  throw new RehomeError("cutover-stale", `the domain ${domain.name} was restarted, and runs (id ${proof.id})`, {
    machine: host.name,
    remedy: `run the same command again; when it restarts by itself, look at on_poweroff in ${domain.configPath}`,
  });
}

async function tellToShutDown(host: Host, domain: ControlledDomain, id: number, timeoutMs: number): Promise<Proof> {
  let asked: Asked;
  try {
    asked = await run(host, domain, String(id), timeoutMs);
  } catch (thrown) {
    if (thrown instanceof RehomeError && thrown.code === "command-timeout") return prove(host, domain);
    throw thrown;
  }
  const answers = answersOf(host, asked, ["shutdown", ...ASKED] as const);
  const proof = understood(host, domain, answers);
  if (answers.shutdown.exitCode !== 0 && proof.id === id) {
    throw commandFailed(host, { argv: [domain.tool, "shutdown"], ...answers.shutdown });
  }
  return proof;
}

/**
 * Makes sure that a domain is off: it is in no list, and the host has none of its disks open for any domain.
 * @param said what the host said of it a moment ago, when it was just asked
 * @throws RehomeError source-alive; command-failed, output-unreadable when nobody can tell
 */
export async function requireOff(host: Host, domain: ControlledDomain, said?: Proof): Promise<Proof> {
  const until = performance.now() + RELEASE_MS;
  for (let proof = said ?? (await prove(host, domain)); ; proof = await prove(host, domain)) {
    if (proof.id !== undefined) throw alive(host, `the domain ${domain.name} runs (id ${proof.id})`);
    if (proof.open.length === 0) return proof;
    if (performance.now() > until)
      throw alive(host, `disks of ${domain.name} are in use by a domain: ${proof.open.join(", ")}`);
    await delay(POLL_MS);
  }
}

interface Asked {
  readonly mark: string;
  readonly result: RunResult;
}

async function run(host: Host, domain: ControlledDomain, id: string, timeoutMs: number): Promise<Asked> {
  const mark = `rehome-${randomBytes(12).toString("hex")}`;
  const argv = ["sh", "-c", PROVE, "sh", mark, domain.tool, id, ...diskPaths(domain)];
  return { mark, result: await host.run(argv, { timeoutMs, env: { LC_ALL: "C" } }) };
}

function answersOf<Name extends string>(
  host: Host,
  { mark, result }: Asked,
  names: readonly Name[],
): Readonly<Record<Name, Answer>> {
  if (result.exitCode !== 0) throw commandFailed(host, result);
  return parseAnswers(result.stdout, mark, names) ?? unreadable(host, "its answers are not whole", result.stdout);
}

function understood(
  host: Host,
  domain: ControlledDomain,
  { boot, list, backends, writes }: Readonly<Record<(typeof ASKED)[number], Answer>>,
): Proof {
  const answered = (argv: readonly string[], answer: Answer): string => {
    if (answer.exitCode !== 0) throw commandFailed(host, { argv, ...answer });
    return answer.stdout;
  };
  const bootId = answered(["cat"], boot).trim();
  if (!/^[0-9a-f-]{36}$/.test(bootId)) unreadable(host, "it has no boot id", bootId);
  const counted = answered(["stat"], writes).trim().split("\n");
  if (counted.filter((line) => /^\d+ \d/.test(line)).length !== diskPaths(domain).length) {
    unreadable(host, "what was written to each disk is not known", writes.stdout);
  }
  const listed = answered([domain.tool], list);
  const id = idIn(host, domain, listed);
  const own = [id, idIn(host, { ...domain, name: `${domain.name}-dm` }, listed)]; // its device model's (xl.cfg(5), stubdomain)
  return {
    id,
    ...openDisks(host, domain, own, isEmpty(backends) ? "" : answered(["xenstore-ls"], backends)),
    writes: [bootId, ...counted].join("; "),
  };
}

/**
 * Without any backend there is no such path. A shell that finds no program says something like it, by other exit codes;
 * so does xenstore-ls without a xenstored (xs_open), and an old one when a key goes away after it has listed others.
 */
function isEmpty({ exitCode, stdout, stderr }: Answer): boolean {
  if (exitCode === 0 || exitCode >= 126 || stdout.trim() !== "") return false;
  return /ENOENT|No such file|couldn't find/i.test(stderr) && !/\bxs_\w*open\b/.test(stderr);
}

/** `path = "value"`, or `path:` for what went away while it was listed. */
const BACKEND_LINE = /^\/local\/domain\/0\/backend(?:\/[^\s:]*)?(?: = ".*"|:)$/;

/** What a device was given, when that cannot be read: gone a moment later, or to be asked for again. */
const UNTOLD = /\/(?:tapdisk-)?params:$/;

function openDisks(
  host: Host,
  domain: ControlledDomain,
  own: readonly (number | undefined)[],
  store: string,
): Pick<Proof, "open" | "shared"> {
  const lines = store.split("\n");
  const garbled = lines.find((line) => line !== "" && !BACKEND_LINE.test(line));
  if (garbled !== undefined) unreadable(host, "xenstore-ls printed something else than keys and values", garbled);
  const paths = new Set(diskPaths(domain)); // drives of several domains may be empty, or have the same disc
  const open = parseBackends(store)
    .map(({ domainId, params }) => ({ domainId, path: params.replace(/^(?:phy|file|aio|raw|tap|qcow2?|vhd):/, "") }))
    .filter(({ path }) => paths.has(path));
  return {
    open: [...open.map(({ path }) => path), ...lines.filter((line) => UNTOLD.test(line))],
    shared: open.flatMap(({ domainId, path }) => (own.includes(domainId) ? [] : [path])),
  };
}

function diskPaths({ disks }: ControlledDomain): readonly string[] {
  return disks.filter(({ cdrom, path }) => !cdrom && path !== "").map(({ path }) => path);
}

function unreadable(host: Host, what: string, output: string): never {
  throw new RehomeError("output-unreadable", `the host does not tell whether the domain is off: ${what}`, {
    machine: host.name,
    output: output.slice(0, 500),
    remedy: "look there with xl list (or xm list) and xenstore-ls, then run the same command again",
  });
}

function alive(host: Host, message: string): RehomeError {
  return new RehomeError("source-alive", message, {
    machine: host.name,
    remedy: "shut it down there, then run the same command again",
  });
}
