import { watch } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RehomeError } from "../../lib/errors.js";
import { makeFolder, reasonOf } from "../../lib/folder.js";
import { acquireLock } from "../../lib/lock.js";
import { childOf, type XmlElement } from "../../lib/xml.js";
import { initialCib, withStatusOf } from "../cib/edit.js";
import { fileCib } from "../cib/store.js";
import { findNodeState, setNodeCondition, type ClusterNode } from "../cib/status.js";
import { withAttributes, type Edit } from "../cib/tree.js";
import { clusterNodes } from "../control.js";
import type { ClusterPaths } from "../paths.js";
import type { Transition } from "../scheduler/types.js";
import { localExecutor } from "./agents/local-executor.js";
import { bootId, underWay } from "./agents/under-way.js";
import { realClock } from "./clock.js";
import { controller, type Controller } from "./controller.js";
import { runtimeCib, type RuntimeCib } from "./runtime-cib.js";
import { runTool, serve, writeShims } from "./shims/server.js";
import type { ToolAnswer, ToolRequest } from "./shims/types.js";
import type { RuntimeLog } from "./types.js";

export interface RuntimeOptions {
  readonly paths: ClusterPaths;
  /** This machine's name in the CIB, as `uname -n` prints it. */
  readonly nodeName: string;
  readonly schedule: (cib: XmlElement, now: number) => Transition;
  readonly log: RuntimeLog;
  /** Ends the runtime; what is under way comes to its end first. */
  readonly signal: AbortSignal;
  /** Whether ending the runtime also stops the resources. They go on by default. */
  readonly stopResources: boolean;
  /** Where OCF agents are. */
  readonly agentFolders?: readonly string[];
  /** Where fence agents are. */
  readonly fenceFolder?: string;
}

/** Debian's place of the OCF agents, as Pacemaker is built with. */
const AGENT_FOLDERS = ["/usr/lib/ocf/resource.d"];
const FENCE_FOLDER = "/usr/sbin";
const CLIENT = "rehome runtime";
/** The file system tells of changes; in case it does not, the file is looked at this often. */
const POLL_MS = 5000;

/**
 * Keeps a cluster of one machine until it is told to end: the resources of the CIB, with real agents.
 * @throws RehomeError locked when another runtime keeps this CIB, node-unknown, cib-invalid and the like; resource-failed
 * when resources were to be stopped and some are not
 */
export async function runRuntime(options: RuntimeOptions): Promise<void> {
  const { paths, log } = options;
  await makeFolder(paths.runtimeFolder, 0o700);
  await chmod(paths.runtimeFolder, 0o700).catch((cause: unknown) => {
    throw new RehomeError("file-unwritable", `the folder is not ours: ${reasonOf(cause)}`, {
      path: paths.runtimeFolder,
      remedy: "run it as root, or name another folder with --state",
      cause,
    });
  });
  const lock = await acquireLock(paths.runtimeLock, `rehome runtime of ${options.nodeName}`);
  try {
    await keep(options);
  } catch (thrown) {
    log({ type: "problem", message: `the runtime ends: ${thrown instanceof Error ? thrown.message : String(thrown)}` });
    throw thrown;
  } finally {
    await lock.release();
  }
}

async function keep(options: RuntimeOptions): Promise<void> {
  const { paths, log, nodeName } = options;
  const problem = (message: string): void => log({ type: "problem", message });
  const agentsUnderWay = underWay(join(paths.runtimeFolder, "under-way"), problem);
  for (const pid of agentsUnderWay.endLeftOvers()) {
    problem(`an agent of an earlier runtime was still at work and has been ended (process ${pid})`);
  }
  const first = fileCib(paths, { client: CLIENT, initial: () => initialCib(nodeName) });
  const node = findNode(await first.read(), nodeName, paths.cib);
  await first.update(announce(node));
  // A file that vanishes later is written again as it was: an empty configuration would stop every guest.
  const file = fileCib(paths, { client: CLIENT, initial: () => store.last() });
  const store: RuntimeCib = await runtimeCib(paths.cib, file, {
    onProblem: (message) => problem(message ?? "the CIB is in order again"),
    adopt: (read, before) => {
      const states = findNodeState(read, node.id) === undefined ? withStatusOf(read, before) : read;
      return withAttributes(states, ownAttributes(node));
    },
    onChange: () => runtime.trigger("the CIB was changed"),
  });
  const shims = join(paths.runtimeFolder, "shims");
  await writeShims(shims);
  const finished = latch();
  const runtime: Controller = controller({
    ...{ store, clock: realClock, schedule: options.schedule, log },
    executor: localExecutor(
      {
        agentFolders: options.agentFolders ?? AGENT_FOLDERS,
        fenceFolder: options.fenceFolder ?? FENCE_FOLDER,
        ...{ shims, socket: paths.socket },
      },
      agentsUnderWay,
      problem,
    ),
    onShutdown: (which) => which.name === node.name && finished.open(),
  });
  const server = await serve(paths.socket, (request) =>
    answer(request, { node, store, runtime, stopsResources: options.stopResources }),
  );
  const watching = watchCib(paths.cib, store);
  let left: readonly string[] = [];
  try {
    await runtime.join([node], await isRebooted(paths));
    await aborted(options.signal);
    if (options.stopResources) {
      const running = async () => runningOn(node, options, await store.read());
      left = await stopResources(runtime, node, finished.opened, running);
    }
    await runtime.stop();
  } finally {
    watching.close();
    await new Promise((resolve) => server.close(resolve));
  }
  await store.update((cib) => setNodeCondition(cib, node, "offline"));
  log({ type: "node", node: node.name, state: "offline" });
  if (left.length > 0) throw notStopped(left, node);
}

function findNode(cib: XmlElement, name: string, path: string): ClusterNode {
  const nodes = clusterNodes(cib);
  const found = nodes.find((node) => node.name === name);
  if (found !== undefined) return found;
  throw new RehomeError("node-unknown", `the CIB has no node "${name}"`, {
    path,
    remedy: `it has ${nodes.map((node) => node.name).join(", ") || "none"}: name one with --node, or add this one`,
  });
}

/**
 * What a cluster of one machine knows when it begins. Other nodes of the configuration are not here: where nodes are
 * fenced, one that was there before counts as lost until it has been; where they are not, it counts as switched off.
 */
function announce(node: ClusterNode): Edit {
  return (cib) => {
    const known = withAttributes(cib, ownAttributes(node));
    const fencing = hasFencing(cib);
    return clusterNodes(cib)
      .filter((other) => other.id !== node.id)
      .reduce((at, other) => {
        const wasThere = findNodeState(at, other.id)?.attributes["in_ccm"] === "true";
        if (fencing) return wasThere ? setNodeCondition(at, other, "lost") : at;
        return setNodeCondition(at, other, "offline");
      }, known);
  };
}

/** One machine always has quorum, and is its own coordinator. */
function ownAttributes(node: ClusterNode): Readonly<Record<string, string>> {
  return { "have-quorum": "1", "dc-uuid": node.id };
}

function hasFencing(cib: XmlElement): boolean {
  const sets = childOf(childOf(cib, "configuration") ?? cib, "crm_config")?.children ?? [];
  const pair = sets.flatMap((set) => set.children).find((at) => at.attributes["name"] === "stonith-enabled");
  return !/^(false|off|no|n|0)$/i.test(pair?.attributes["value"] ?? "true");
}

/** Whether the machine was started anew since a runtime last kept this CIB. */
async function isRebooted(paths: ClusterPaths): Promise<boolean> {
  const path = join(paths.runtimeFolder, "boot-id");
  const before = await readFile(path, "utf8").catch(() => undefined);
  await writeFile(path, bootId());
  return before !== bootId();
}

/**
 * Asks for everything to be stopped, as a node that shuts down does, and waits until it has, or until nothing more can be
 * done: a stop that fails or takes longer than its timeout is not tried for ever.
 * @returns what is not stopped
 */
async function stopResources(
  runtime: Controller,
  node: ClusterNode,
  done: Promise<void>,
  running: () => Promise<readonly string[]>,
): Promise<readonly string[]> {
  await runtime.attributes.set(node, "shutdown", `${Math.floor(Date.now() / 1000)}`);
  const isDone = done.then(() => true);
  const end = await Promise.race([isDone, runtime.settled().then(() => false)]);
  return end ? [] : running();
}

/** The resources that are active on the node, by their ids. */
function runningOn(node: ClusterNode, { schedule }: RuntimeOptions, cib: XmlElement): readonly string[] {
  const { placement } = schedule(cib, Date.now()).present;
  const active = Object.entries(placement).filter(([, places]) =>
    places.some(({ role, nodes, managed, blocked }) => {
      // What is not managed is left as it is; what is blocked was to be stopped.
      return role !== "Stopped" && nodes.includes(node.name) && (managed !== false || blocked === true);
    }),
  );
  return active.map(([path]) => path.split("/").at(-1) ?? path);
}

function notStopped(resources: readonly string[], node: ClusterNode): RehomeError {
  const what = resources.join(", ");
  return new RehomeError("resource-failed", `not stopped on ${node.name}: ${what}`, {
    remedy: "rehome cluster status tells which operation failed; stop it by hand, then rehome cluster cleanup",
  });
}

function watchCib(path: string, store: RuntimeCib): { close(): void } {
  const watcher = watch(dirname(path), () => void store.look());
  const poll = setInterval(() => void store.look(), POLL_MS);
  return {
    close() {
      watcher.close();
      clearInterval(poll);
    },
  };
}

interface Kept {
  readonly node: ClusterNode;
  readonly store: RuntimeCib;
  readonly runtime: Controller;
  readonly stopsResources: boolean;
}

async function answer(request: ToolRequest, { node, store, runtime, stopsResources }: Kept): Promise<ToolAnswer> {
  if (request.tool === "rehome") {
    return { code: 0, stdout: JSON.stringify({ pid: process.pid, node: node.name, stopsResources }), stderr: "" };
  }
  return runTool(request, { node, store, attributes: runtime.attributes });
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

function latch(): { readonly opened: Promise<void>; readonly open: () => void } {
  let open: () => void = () => undefined;
  const opened = new Promise<void>((resolve) => (open = resolve));
  return { opened, open };
}
