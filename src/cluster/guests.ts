import { rm } from "node:fs/promises";
import { join } from "node:path";
import { RehomeError } from "../lib/errors.js";
import { makeFolder } from "../lib/folder.js";
import { localHost } from "../lib/host/local-host.js";
import { formatDuration } from "../lib/units.js";
import { descendantsOf, type XmlElement } from "../lib/xml.js";
import { findResource, putResource, removeResource } from "./cib/edit.js";
import { clusterNodes, setTargetRole } from "./control.js";
import { sameElement } from "./cib/make.js";
import { guestPrimitive, isGuest, START_MS, STOP_MS, targetRoleOf, type GuestResource } from "./guest-resource.js";
import { domainXml } from "./libvirt/domain-xml.js";
import type { DomainSpec } from "./libvirt/types.js";
import type { ClusterPaths } from "./paths.js";
import { resourceStates, type OperationFailure } from "./resource-state.js";
import { failCount } from "./runtime/failures.js";
import { rcWords, statusWords } from "./runtime/log-text.js";
import type { Cluster } from "./types.js";

export type { GuestResource } from "./guest-resource.js";

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** What the cluster knows of a guest. */
export interface GuestStatus {
  readonly state: "unregistered" | "unknown" | "stopped" | "running" | "failed";
  /** Where it runs. */
  readonly node?: string;
  /** The last failure of one of its operations, in the agent's own words. */
  readonly failure?: string;
  /** Infinity when it may not start on its node any more. */
  readonly failCount: number;
  /** One of its operations goes on. */
  readonly underWay?: true;
}

const LOGS = { bundled: "journalctl -u rehome-runtime", pacemaker: "journalctl -u pacemaker on the hosts" } as const;
const UNREGISTERED: GuestStatus = { state: "unregistered", failCount: 0 };

/**
 * Writes a guest's domain XML below `paths.domains`. Nothing is defined in libvirt: VirtualDomain creates the domain
 * from the file.
 * @returns the file's path
 * @throws RehomeError file-unwritable
 */
export async function defineGuest(paths: ClusterPaths, spec: DomainSpec): Promise<string> {
  for (const folder of [paths.domains, paths.consoles]) {
    await makeFolder(folder, 0o755);
  }
  const path = domainPath(paths, spec.name);
  await localHost().writeFile(path, domainXml(spec), 0o600);
  return path;
}

/** Removes a guest's domain XML. Nothing happens when there is none. */
export async function undefineGuest(paths: ClusterPaths, name: string): Promise<void> {
  await rm(domainPath(paths, name), { force: true });
}

function domainPath(paths: ClusterPaths, name: string): string {
  return join(paths.domains, `${name}.xml`);
}

/**
 * Adds a guest to the CIB, stopped: nothing starts it before `startGuest`. The CIB is made when there is none.
 * The same guest registered again is brought up to date.
 * @throws RehomeError cib-invalid, resource-exists, and as Cluster.update
 */
export async function registerGuest(cluster: Cluster, guest: GuestResource): Promise<void> {
  await cluster.ensureCib();
  await cluster.update((cib) => {
    const existing = findResource(cib, guest.name);
    if (existing !== undefined && !isGuest(existing)) {
      throw new RehomeError("resource-exists", `the CIB has another resource "${guest.name}", which is no guest`, {
        path: cluster.name,
        line: existing.line,
        remedy: "give the guest another name",
      });
    }
    const wanted = guestPrimitive(guest, (existing && targetRoleOf(existing)) ?? "Stopped");
    return existing !== undefined && sameElement(existing, wanted) ? cib : putResource(cib, wanted);
  });
}

/** Takes a stopped guest out of the CIB. Nothing happens when it is not there. @throws RehomeError resource-active */
export async function unregisterGuest(cluster: Cluster, name: string): Promise<void> {
  await cluster.ensureCib();
  await cluster.update((cib) => {
    if (findResource(cib, name) === undefined) return cib;
    const active = resourceStates(cib, name).find((state) => state.role !== "stopped" || state.pending !== undefined);
    if (active !== undefined) {
      throw new RehomeError("resource-active", `guest "${name}" is ${active.role} on ${active.node}`, {
        remedy: `stop it first: rehome cluster stop ${name}`,
      });
    }
    return removeResource(cib, name);
  });
}

/**
 * Asks for a guest to run, and waits until it does. Failures of an earlier try are forgotten first.
 * @throws RehomeError runtime-not-running, no-quorum, resource-unknown, resource-failed with the agent's own error,
 *   command-timeout, cancelled
 */
export async function startGuest(cluster: Cluster, name: string, options: WaitOptions): Promise<GuestStatus> {
  const kept = await cluster.keptCib();
  const seen = hasFailures(kept, name) ? (await cluster.cleanUp(name)).cib : kept;
  const { cib } = await cluster.update(setTargetRole(name, "Started"), seen);
  return waitFor(cluster, name, "running", options, cib);
}

/** Asks for a guest to stop, and waits until it has. @throws as startGuest */
export async function stopGuest(cluster: Cluster, name: string, options: WaitOptions): Promise<GuestStatus> {
  const { cib } = await cluster.update(setTargetRole(name, "Stopped"), await cluster.keptCib());
  return waitFor(cluster, name, "stopped", options, cib);
}

/** What the cluster knows of a guest now. `unknown` when nobody keeps the cluster. */
export async function guestStatus(cluster: Cluster, name: string): Promise<GuestStatus> {
  try {
    return statusIn(await cluster.read(), name);
  } catch (thrown) {
    if (thrown instanceof RehomeError && thrown.code === "cib-missing") return UNREGISTERED;
    throw thrown;
  }
}

function statusIn(cib: XmlElement, name: string): GuestStatus {
  const resource = findResource(cib, name);
  if (resource === undefined) return UNREGISTERED;
  const target = targetRoleOf(resource);
  const [first, ...others] = primitivesOf(resource).map((id) => primitiveStatus(cib, id, target));
  if (first === undefined) return { state: "unknown", failCount: 0 };
  return others.reduce(together, first);
}

/** Of a group or clone: what all of its parts are, and the worst when they differ. */
function together(a: GuestStatus, b: GuestStatus): GuestStatus {
  if (a.state === "failed" || b.state === "failed") return a.state === "failed" ? a : b;
  const state = a.state === b.state ? a.state : "unknown";
  const underWay = a.underWay ?? b.underWay;
  return { ...a, state, failCount: Math.max(a.failCount, b.failCount), ...(underWay && { underWay }) };
}

function primitivesOf(resource: XmlElement): readonly string[] {
  if (resource.name === "primitive") return [resource.attributes["id"] ?? ""];
  return descendantsOf(resource, "primitive").map((primitive) => primitive.attributes["id"] ?? "");
}

function primitiveStatus(cib: XmlElement, id: string, target: string | undefined): GuestStatus {
  const states = resourceStates(cib, id);
  const count = Math.max(0, ...clusterNodes(cib).map((node) => failCount(cib, node.id, id)));
  const failure = states.find((state) => state.failure !== undefined)?.failure;
  const common = { failCount: count, ...(failure && { failure: failureText(failure) }) };
  const running = states.find((state) => ["started", "promoted", "unpromoted"].includes(state.role));
  if (running !== undefined && !running.failedNow && running.pending === undefined) {
    return { state: "running", node: running.node, ...common };
  }
  const isUnderWay = states.some((state) => state.pending !== undefined);
  if (isUnderWay) return { state: "unknown", underWay: true, ...common };
  if (states.length === 0) return { state: "unknown", ...common };
  const isStopped = states.every((state) => state.role === "stopped");
  if (isStopped && target === "Stopped") return { state: "stopped", ...common };
  if (failure !== undefined && count > 0) return { state: "failed", ...common };
  return { state: isStopped ? "stopped" : "unknown", ...common };
}

function failureText({ task, rc, status, exitReason }: OperationFailure): string {
  const what = `${task}: ${statusWords(status) ?? `${rcWords(rc)} (${rc})`}`;
  return exitReason === "" ? what : `${what}: ${exitReason}`;
}

function hasFailures(cib: XmlElement, name: string): boolean {
  const resource = findResource(cib, name);
  const ids = resource === undefined ? [] : primitivesOf(resource);
  return ids.some((id) => clusterNodes(cib).some((node) => failCount(cib, node.id, id) > 0));
}

/** No operation of a guest takes longer before the cluster ends it, in ms. */
const LONGEST_OPERATION_MS = Math.max(START_MS, STOP_MS);

/**
 * What is under way when the time is up is waited for: it ends by itself, and until then nobody knows what the guest is.
 * @param cib right after the change that asked for it
 */
async function waitFor(
  cluster: Cluster,
  name: string,
  wanted: "running" | "stopped",
  { timeoutMs, signal }: WaitOptions,
  cib: XmlElement,
): Promise<GuestStatus> {
  const end = performance.now() + timeoutMs;
  for (let status = statusIn(cib, name); ; status = await guestStatus(cluster, name)) {
    signal?.throwIfAborted();
    if (status.state === wanted) return status;
    if (isHopeless(status, wanted)) {
      throw new RehomeError("resource-failed", `"${name}" failed: ${status.failure ?? "no reason was given"}`, {
        remedy: `rehome cluster status shows more; after the cause is gone: rehome cluster cleanup ${name}`,
      });
    }
    const late = performance.now() - end;
    if (late >= 0) await cluster.requireKeeper();
    if (late >= (status.underWay === true ? LONGEST_OPERATION_MS : 0)) {
      throw new RehomeError(
        "command-timeout",
        `"${name}" is not ${wanted} after ${formatDuration(timeoutMs + late)}, but ${status.state}`,
        { remedy: `rehome cluster status and the log (${LOGS[cluster.backend]}) say what it waits for` },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, cluster.pollMs));
  }
}

/** A guest that failed for good is not waited for; one with fewer failures is still being tried again. */
function isHopeless(status: GuestStatus, wanted: "running" | "stopped"): boolean {
  if (status.state !== "failed") return false;
  return status.failCount === Number.POSITIVE_INFINITY || (wanted === "running" && status.failCount >= 3);
}
