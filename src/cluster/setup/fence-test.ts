import { RehomeError } from "../../lib/errors.js";
import { commandFailed, runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import { reported, type Report } from "../../lib/report.js";
import type { XmlElement } from "../../lib/xml.js";
import { findNodeState } from "../cib/status.js";
import { clusterNodes } from "../control.js";
import { changeLiveCib, readLiveCib } from "../pacemaker/live-cib.js";
import { summarise } from "../summary.js";
import type { ClusterConfig } from "../../lib/config/schema.js";
import { recordFenced, untestedMembers } from "./fence-record.js";
import { membersOf } from "./members.js";
import type { ConnectMachine } from "./machines.js";
import type { ClusterSession } from "./session.js";

const BOOT_ID = "/proc/sys/kernel/random/boot_id";
const FENCE_S = 120;
const POLL_MS = 2000;
/** Sooner than this a machine that was switched off and on hardly answers. */
const PATIENCE_MS = 60_000;

/** What a machine that boots answers with, before it lets anybody in. */
const NOT_YET: readonly string[] = [
  ...["host-unreachable", "connection-lost", "command-timeout", "auth-failed", "shell-unusable", "session-limit"],
];

/** What fencing a member would do to it, before anybody says yes. */
export interface FenceOutlook {
  readonly name: string;
  /** The member that will ask for it. */
  readonly by: string;
  /** Resources that run there now. */
  readonly running: readonly string[];
}

export interface FenceTestResult {
  readonly member: string;
  readonly fencedBy: string;
  /** From the order until the BMC had switched the power off and on. */
  readonly fencedMs: number;
  /** From the order until it was a member of the cluster again. */
  readonly backMs: number;
  /** Members whose fencing still has to be tested. */
  readonly untested: readonly string[];
}

/** What every part of a test needs. */
interface Test {
  readonly cluster: ClusterConfig;
  readonly victim: Host;
  readonly by: Host;
}

/**
 * Looks whether a member may be fenced for a test, and what runs there.
 * @throws RehomeError node-unknown, fence-unsafe, host-unreachable, runtime-unreachable
 */
export async function fenceOutlook(session: ClusterSession, name: string): Promise<FenceOutlook> {
  const { by } = participants(session, name);
  const cib = await liveCib(by);
  const nodes = clusterNodes(cib);
  const online = nodes.filter(({ id }) => isOnline(cib, id)).map((node) => node.name);
  const rest = online.filter((each) => each !== name).length;
  const missing = nodes.filter((node) => !online.includes(node.name)).map((node) => node.name);
  if (cib.attributes["have-quorum"] !== "1" || missing.length > 0 || rest === 0) {
    throw new RehomeError("fence-unsafe", `not every member is there: ${missing.join(", ") || "no quorum"}`, {
      machine: by.name,
      remedy: "bring them back first (rehome cluster status): the cluster must go on while one is fenced",
    });
  }
  const running = summarise(cib, Date.now()).resources.flatMap((resource) => activeOn(resource, name));
  return { name, by: by.name, running };
}

type Summary = ReturnType<typeof summarise>["resources"][number];

function activeOn({ id, instances, children, agent = "" }: Summary, node: string): readonly string[] {
  const here = instances.some((each) => each.node === node && ["started", "promoted"].includes(each.role));
  const counts = here && !agent.startsWith("stonith:") && agent !== "ocf:pacemaker:ping";
  return [...(counts ? [id] : []), ...children.flatMap((child) => activeOn(child, node))];
}

export interface FenceTestOptions {
  readonly connect: ConnectMachine;
  readonly report: Report;
  /** How long it may take to come back, in ms. */
  readonly timeoutMs: number;
  /** How long it may stay silent before it is switched on once more, in ms. */
  readonly patienceMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Fences a member through Pacemaker, as it would be done when it hangs, and waits until it is back. That it has booted
 * anew is the proof that the power was off; the CIB remembers it for as long as the fencing device stays as it is.
 * @throws RehomeError fence-failed with what stonith_admin said, fence-ineffective, command-timeout, cancelled
 */
export async function fenceTest(
  session: ClusterSession,
  name: string,
  { connect, report, timeoutMs, patienceMs = PATIENCE_MS, signal }: FenceTestOptions,
): Promise<FenceTestResult> {
  return session.exclusively(`rehome cluster fence-test ${name}`, async (journal) => {
    const test = { cluster: session.cluster, ...participants(session, name) };
    const { victim, by } = test;
    const before = await bootId(victim);
    const startedAt = Date.now();
    const record = (state: "begun" | "done"): Promise<void> =>
      journal.append({ at: Date.now(), machine: name, step: `fence by ${by.name}`, state });
    await record("begun");
    await reported(report, { id: "fence", title: `${by.name} fences ${name}` }, () => fence(by, name));
    const fencedMs = Date.now() - startedAt;
    await reported(report, { id: "boot", title: `wait until ${name} has booted` }, async () => {
      const after = await bootedAnew(test, {
        connect,
        before,
        name,
        end: startedAt + timeoutMs,
        silent: once(Date.now() + patienceMs, () => switchOn(by, name, report)),
        ...(signal && { signal }),
      });
      if (after !== before) return;
      throw new RehomeError("fence-ineffective", "fencing was reported as done, and the machine never went off", {
        machine: name,
        remedy: "the BMC switches another machine, or ignores the order: correct cluster.hosts in rehome.yaml",
      });
    });
    await reported(report, { id: "join", title: `wait until ${name} is a member again` }, () =>
      joined(by, name, startedAt + timeoutMs, signal),
    );
    const backMs = Date.now() - startedAt;
    await changeLiveCib(by, recordFenced(name, new Date()));
    await record("done");
    const untested = untestedMembers(await liveCib(by), membersOf(session.cluster));
    return { member: name, fencedBy: by.name, fencedMs, backMs, untested };
  });
}

/** @throws RehomeError node-unknown, host-unreachable */
function participants(
  { cluster, connections }: ClusterSession,
  name: string,
): { readonly victim: Host; readonly by: Host } {
  const members = membersOf(cluster).map((member) => member.name);
  if (!members.includes(name)) {
    throw new RehomeError("node-unknown", `no member "${name}" in the cluster section`, {
      remedy: `members are ${members.join(", ")}`,
    });
  }
  const problem = connections.unreachable.find((each) => members.includes(each.name));
  if (problem !== undefined) {
    throw new RehomeError("host-unreachable", problem.message, { machine: problem.name, remedy: problem.remedy });
  }
  const other = members.find((member) => member !== name) ?? "";
  const [victim, by] = [connections.hosts.get(name), connections.hosts.get(other)];
  if (victim === undefined || by === undefined) throw new RehomeError("internal", "a member is not connected");
  return { victim, by };
}

async function fence(by: Host, name: string): Promise<void> {
  const argv = ["stonith_admin", "--reboot", name, "--timeout", `${FENCE_S}`];
  const result = await by.run(argv, { timeoutMs: (FENCE_S + 30) * 1000 });
  if (result.exitCode === 0) return;
  const said = commandFailed(by, result);
  throw new RehomeError("fence-failed", `${name} could not be fenced`, {
    machine: by.name,
    output: said.output ?? said.message,
    remedy: `see journalctl -u pacemaker there; try the BMC by hand; rehome cluster plan asks it too`,
  });
}

/**
 * A fencer that has just been started may not know yet what its agent can do, and takes a reboot for a switching off
 * (pacemaker-fenced: "Remapping 'reboot' … to 'off'"): then nobody switches the machine on again. One that is on stays so.
 */
async function switchOn(by: Host, name: string, report: Report): Promise<void> {
  const argv = ["stonith_admin", "--unfence", name, "--timeout", `${FENCE_S}`];
  const result = await by.run(argv, { timeoutMs: (FENCE_S + 30) * 1000 });
  const text = `${name} was silent for long, and ${by.name} ${result.exitCode === 0 ? "made sure that it is on" : "could not switch it on"}`;
  const why = result.exitCode === 0 ? "" : `: ${commandFailed(by, result).output ?? ""}`;
  report.note({ severity: result.exitCode === 0 ? "info" : "warning", text: `${text}${why}` });
}

/** Does something the first time that it is asked for after a moment. @param from ms since the epoch */
function once(from: number, work: () => Promise<void>): () => Promise<void> {
  let isDone = false;
  return async () => {
    if (isDone || Date.now() < from) return;
    isDone = true;
    await work();
  };
}

interface Await {
  readonly connect: ConnectMachine;
  readonly name: string;
  readonly before: string;
  readonly end: number;
  /** Called again and again while it does not answer. */
  readonly silent: () => Promise<void>;
  readonly signal?: AbortSignal;
}

/** The boot id once the machine answers SSH: another one than before, unless it was never off. */
async function bootedAnew(test: Test, options: Await): Promise<string> {
  for (;;) {
    options.signal?.throwIfAborted();
    const now = await answeringBootId(test, options);
    if (now !== undefined) return now;
    if (Date.now() >= options.end) throw tooLate(options.name, "did not answer SSH again");
    await options.silent();
    await pause();
  }
}

/** Undefined as long as the machine cannot be logged in to. */
async function answeringBootId({ cluster }: Test, { connect, name }: Await): Promise<string | undefined> {
  try {
    const host = await connect(cluster, name, { acceptNewHostKey: false });
    try {
      return await bootId(host);
    } finally {
      await host.close();
    }
  } catch (error) {
    if (error instanceof RehomeError && NOT_YET.includes(error.code)) return undefined;
    throw error;
  }
}

async function joined(by: Host, name: string, end: number, signal: AbortSignal | undefined): Promise<void> {
  for (;;) {
    signal?.throwIfAborted();
    const cib = await liveCib(by);
    const node = clusterNodes(cib).find((each) => each.name === name);
    if (node !== undefined && isOnline(cib, node.id)) return;
    if (Date.now() >= end) throw tooLate(name, "was fenced, booted, and did not come back into the cluster");
    await pause();
  }
}

function tooLate(name: string, what: string): RehomeError {
  return new RehomeError("command-timeout", `it ${what} in time`, {
    machine: name,
    remedy: "look at its console; give it longer with --timeout, and run the test again",
  });
}

async function bootId(host: Host): Promise<string> {
  return (await runChecked(host, ["cat", BOOT_ID], { timeoutMs: 15_000 })).trim();
}

async function liveCib(host: Host): Promise<XmlElement> {
  const cib = await readLiveCib(host);
  if (cib !== undefined) return cib;
  throw new RehomeError("runtime-unreachable", "Pacemaker does not answer", {
    machine: host.name,
    remedy: "rehome cluster init sets it up; systemctl status pacemaker tells why it does not run",
  });
}

function isOnline(cib: XmlElement, id: string): boolean {
  const state = findNodeState(cib, id)?.attributes ?? {};
  return state["crmd"] === "online" && state["join"] === "member";
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, POLL_MS));
}
