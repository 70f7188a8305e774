import { randomUUID } from "node:crypto";
import { childrenOf, descendantsOf, type XmlElement } from "../../lib/xml.js";
import type { CibStore } from "../cib/store.js";
import { parseDuration } from "../cib/durations.js";
import { withoutPrivateDigests } from "../cib/record.js";
import { findPath } from "../cib/tree.js";
import {
  forgetAttributes,
  forgetHistory,
  setNodeCondition,
  setTransientAttribute,
  type ClusterNode,
} from "../cib/status.js";
import type { Transition } from "../scheduler/types.js";
import { clusterNodes } from "../control.js";
import { actionPerformer } from "./actions.js";
import { attributes, type Attributes } from "./attributes.js";
import { withoutFutureTimes } from "./future-times.js";
import { runGraph, type GraphRun } from "./graph.js";
import { nodeOperations, type NodeOperations } from "./operations.js";
import { resultRecorder } from "./results.js";
import type { Clock, Executor, RuntimeLog, Timer } from "./types.js";

export interface ControllerOptions {
  readonly store: CibStore;
  readonly clock: Clock;
  readonly executor: Executor;
  readonly schedule: (cib: XmlElement, now: number) => Transition;
  readonly log: RuntimeLog;
  /** A node has stopped everything, because it was asked to shut down. */
  readonly onShutdown: (node: ClusterNode) => void;
  /** Distinguishes this runtime's transitions from an earlier one's. */
  readonly uuid?: string;
}

/** Decides what to do whenever something changed, and does it: the heart of the runtime. */
export interface Controller {
  readonly attributes: Attributes;
  /** Nodes join with nothing known of their resources: everything is probed. `rebooted` forgets attributes too. */
  join(joining: readonly ClusterNode[], rebooted: boolean): Promise<void>;
  /** A node is gone: cleanly, or without a word, which calls for fencing. What was under way there is lost. */
  leave(node: ClusterNode, how: "offline" | "lost"): Promise<void>;
  /** Something changed: the transition under way ends early and a new one is made. */
  trigger(reason: string): void;
  /** Resolves when there is nothing to do. */
  settled(): Promise<void>;
  /** Ends recurring operations and begins nothing new; resolves when what was under way has ended. */
  stop(): Promise<void>;
}

const DEFAULT_RECHECK_MS = 15 * 60_000;

export function controller(options: ControllerOptions): Controller {
  const { store, clock, executor, log } = options;
  const uuid = options.uuid ?? randomUUID();
  const nodes = new Map<string, NodeOperations>();
  let transitionId = 0;
  let current: GraphRun | undefined;
  let working: Promise<void> | undefined;
  let wanted: string | undefined;
  let recheck: Timer | undefined;
  let stopped = false;
  let repeated = { why: "", times: 0 };

  const problem = (thrown: unknown): void => {
    log({ type: "problem", message: thrown instanceof Error ? thrown.message : String(thrown) });
  };

  const trigger = (reason: string): void => {
    if (stopped) return;
    wanted ??= reason;
    current?.abort(reason);
    working ??= work().finally(() => (working = undefined));
  };

  /** Decides and acts until nothing more changes. */
  const work = async (): Promise<void> => {
    while (wanted !== undefined && !stopped) {
      await new Promise<void>((resolve) => queueMicrotask(resolve));
      const reason = wanted;
      wanted = undefined;
      recheck?.cancel();
      try {
        await runTransition(reason);
      } catch (thrown) {
        problem(thrown);
        scheduleRecheck(clock.now() + RETRY_MS);
      }
    }
  };

  const runTransition = async (reason: string): Promise<void> => {
    const cib = await withoutFuture();
    const transition = options.schedule(withoutPrivateDigests(cib), clock.now());
    const beyond = [...transition.unsupported, ...(hasRemoteNodes(cib, transition) ? ["remote nodes"] : [])];
    if (beyond.length > 0) {
      log({ type: "problem", message: `nothing is done: the CIB uses ${beyond.join(", ")}` });
      return;
    }
    scheduleRecheck(Math.min(transition.recheckAt ?? Number.POSITIVE_INFINITY, clock.now() + recheckInterval(cib)));
    if (transition.actions.length === 0) return;
    const id = (transitionId += 1);
    log({ type: "transition", id, reason, actions: transition.actions.length });
    const perform = actionPerformer({
      ...{ store, clock, executor, log, results, settings: transition.settings, onShutdown: options.onShutdown },
      operationsOf: (name) => nodes.get(name),
      transition: { id, uuid },
    });
    current = runGraph(transition, async (action, number) => {
      try {
        return await perform(action, number);
      } catch (thrown) {
        problem(thrown);
        return false;
      }
    });
    if (stopped) current.abort("the runtime stops");
    const end = await current.ended;
    current = undefined;
    log({ type: "transition-end", id, state: end.state, why: end.why });
    if (end.state === "complete") repeated = { why: "", times: 0 };
    else if (end.state === "aborted" && wanted === undefined) again(end.why);
  };

  /** The clock may have been set back: a failure of tomorrow would be remembered for ever. */
  const withoutFuture = async (): Promise<XmlElement> => {
    const now = clock.now();
    const cib = await store.read();
    if (withoutFutureTimes(cib, now) === cib) return cib;
    log({ type: "problem", message: "the clock was set back: what was recorded with a later time counts as of now" });
    return store.update((at) => withoutFutureTimes(at, now));
  };

  /** Decides anew after a failure: at once, but not for ever, when the same thing fails again and again. */
  const again = (why: string): void => {
    repeated = { why, times: repeated.why === why ? repeated.times + 1 : 1 };
    if (repeated.times < PATIENCE) wanted = why;
    else scheduleRecheck(clock.now() + RETRY_MS);
  };

  const scheduleRecheck = (at: number): void => {
    recheck?.cancel();
    recheck = clock.after(at - clock.now(), () => trigger("time to look again"));
  };

  const results = resultRecorder({ store, log, onUnexpected: trigger });
  const attributeStore = attributes(store, clock, (node, name, value) => {
    log({ type: "attribute", node: node.name, name, value });
    trigger(`attribute ${name} of ${node.name} changed`);
  });

  return {
    attributes: attributeStore,
    async join(joining, rebooted) {
      const cib = await store.update((before) => joining.reduce((at, node) => joined(at, node, rebooted), before));
      for (const node of joining) {
        const operations = nodeOperations({
          ...{ node, clock, executor, lastCallId: lastCallId(cib, node) },
          onChange: (record, operation) => void results.changed(node, record, operation).catch(problem),
          onResult: (record, outcome) => results.logResult(record, outcome),
        });
        nodes.set(node.name, operations);
        log({ type: "node", node: node.name, state: "online" });
      }
      trigger(`${joining.map((node) => node.name).join(", ")} joined`);
    },
    async leave(node, how) {
      nodes.get(node.name)?.abandon();
      nodes.delete(node.name);
      await store.update((cib) => setNodeCondition(cib, node, how));
      log({ type: "node", node: node.name, state: how });
      trigger(`${node.name} is ${how}`);
    },
    trigger,
    async settled() {
      while (working !== undefined) await working;
    },
    async stop() {
      stopped = true;
      recheck?.cancel();
      current?.abort("the runtime stops");
      for (const operations of nodes.values()) operations.cancelAll();
      await working;
      await Promise.all([...nodes.values()].map((operations) => operations.idle()));
      await attributeStore.flush();
    },
  };
}

function joined(cib: XmlElement, node: ClusterNode, rebooted: boolean): XmlElement {
  const known = rebooted ? forgetAttributes(cib, node) : setTransientAttribute(cib, node, "shutdown", undefined);
  return setNodeCondition(forgetHistory(known, node), node, "online");
}

/** After an error of the runtime's own, such as a full disk, it tries again after this long. */
const RETRY_MS = 5000;
/** The same failure this often in a row is tried again only after a pause (as stonith-max-attempts by default). */
const PATIENCE = 10;

function lastCallId(cib: XmlElement, node: ClusterNode): number {
  const states = childrenOf(findPath(cib, ["status"]) ?? cib, "node_state");
  const state = states.find((candidate) => candidate.attributes["id"] === node.id);
  const ids = (state === undefined ? [] : descendantsOf(state, "lrm_rsc_op")).map((entry) =>
    Number.parseInt(entry.attributes["call-id"] ?? "0", 10),
  );
  return Math.max(0, ...ids.filter((id) => !Number.isNaN(id)));
}

function recheckInterval(cib: XmlElement): number {
  const options = findPath(cib, ["configuration", "crm_config"]);
  const option = options && descendantsOf(options, "nvpair").find(isRecheckOption);
  const ms = parseDuration(option?.attributes["value"]);
  return ms === undefined || ms <= 0 ? DEFAULT_RECHECK_MS : ms;
}

function isRecheckOption(pair: XmlElement): boolean {
  return pair.attributes["name"] === "cluster-recheck-interval";
}

/** Whether there are nodes that are no members: the scheduler knows them, but the runtime keeps no connections to them. */
function hasRemoteNodes(cib: XmlElement, { present }: Transition): boolean {
  const members = new Set(clusterNodes(cib).map(({ name }) => name));
  return Object.keys(present.nodes).some((name) => !members.has(name));
}
