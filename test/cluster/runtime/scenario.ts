import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { parseCib } from "../../../src/cluster/cib/check.js";
import { parseDuration } from "../../../src/cluster/cib/durations.js";
import { setProperty, setResourceMeta, withStatusOf } from "../../../src/cluster/cib/edit.js";
import { memoryCib, type CibStore } from "../../../src/cluster/cib/store.js";
import { setNodeCondition, type ClusterNode } from "../../../src/cluster/cib/status.js";
import type { Edit } from "../../../src/cluster/cib/tree.js";
import { cleanUp, clusterNodes, setMaintenance, setParameter, setStandby } from "../../../src/cluster/control.js";
import type { AgentMetadata } from "../../../src/cluster/runtime/agents/metadata.js";
import { virtualClock, type VirtualClock } from "../../../src/cluster/runtime/clock.js";
import { controller, type Controller } from "../../../src/cluster/runtime/controller.js";
import { eventLines } from "../../../src/cluster/runtime/log-text.js";
import {
  simulatedExecutor,
  type PlannedResult,
  type SimulatedExecutor,
} from "../../../src/cluster/runtime/simulated-executor.js";
import type { Transition } from "../../../src/cluster/scheduler/types.js";
import type { XmlElement } from "../../../src/lib/xml.js";

type Schedule = (cib: XmlElement, now: number) => Transition;

/** What pacemaker:Dummy and pacemaker:Stateful say of their parameters. */
const METADATA: ReadonlyMap<string, AgentMetadata> = new Map([
  ["Dummy", { reload: "reload-agent", restartParameters: ["state"], privateParameters: ["passwd"] }],
  ["Stateful", { reload: "reload-agent", restartParameters: ["state"], privateParameters: [] }],
]);

/** When every scenario begins. */
const START = Date.UTC(2026, 10, 1, 2, 0, 0);

/**
 * Runs a scenario: a folder with cib.xml and events, lines of `TIME COMMAND ARGUMENTS` (see `commands` below).
 * @returns the log: what was run when, and what became of it
 */
export async function runScenario(folder: string, schedule: Schedule): Promise<string> {
  const world = makeWorld(folder, parseCib(await readFile(join(folder, "cib.xml"), "utf8"), "cib.xml"), schedule);
  const events = (await readFile(join(folder, "events"), "utf8"))
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "");
  for (const event of events) {
    const [time, command, ...rest] = event.split(/\s+/);
    await world.clock.advanceTo(START + (parseDuration(time) ?? 0));
    world.say(`> ${[command, ...rest].join(" ")}`);
    const run = commands[command ?? ""];
    if (run === undefined) throw new Error(`${folder}/events: no command "${command ?? ""}"`);
    await run(world, rest);
  }
  return `${world.lines.join("\n")}\n`;
}

interface World {
  readonly folder: string;
  readonly clock: VirtualClock;
  readonly store: CibStore;
  readonly executor: SimulatedExecutor;
  readonly lines: string[];
  runtime: Controller;
  say(line: string): void;
  restart(): void;
}

function makeWorld(folder: string, cib: XmlElement, schedule: Schedule): World {
  const clock = virtualClock(START);
  const store = memoryCib(cib, () => clock.now());
  const executor = simulatedExecutor(clock, METADATA);
  const lines: string[] = [];
  const say = (line: string): void => {
    lines.push(`${((clock.elapsed() - START) / 1000).toFixed(1).padStart(7)} ${line}`);
  };
  let generation = 0;
  const make = (): Controller => {
    const mine = (generation += 1);
    executor.interrupt();
    return controller({
      // A runtime that was killed says and writes nothing more.
      store: {
        read: () => store.read(),
        update: (change) => (mine === generation ? store.update(change) : new Promise(() => undefined)),
      },
      ...{ clock, executor, uuid: `scenario-${mine}` },
      schedule: (at, now) => inFixedOrder(schedule(at, now)),
      log: (event) => mine === generation && eventLines(event).forEach(say),
      onShutdown: (node) => say(`${node.name}: everything is stopped, shuts down`),
    });
  };
  const world: World = {
    ...{ folder, clock, store, executor, lines, say },
    runtime: make(),
    restart: () => void (world.runtime = make()),
  };
  return world;
}

/**
 * Of actions that may be run at the same time, the one that is listed first is begun first, and schedulers number them
 * differently. The log is of what is done and what waits for what, so that order is taken out of it.
 */
function inFixedOrder(transition: Transition): Transition {
  const actions = [...transition.actions].sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  return { ...transition, actions };
}

type Command = (world: World, args: readonly string[]) => Promise<void> | void;

async function edit(world: World, change: Edit): Promise<void> {
  await world.store.update(change);
  world.runtime.trigger("the configuration changed");
}

async function node(world: World, name: string | undefined): Promise<ClusterNode> {
  const found = clusterNodes(await world.store.read()).find((candidate) => candidate.name === name);
  if (found === undefined) throw new Error(`no node "${name ?? ""}"`);
  return found;
}

function value(text: string | undefined): string | undefined {
  return text === "-" ? undefined : text;
}

const commands: Readonly<Record<string, Command>> = {
  /** join NODE…: they start together */
  join: async (world, names) => {
    await world.runtime.join(await Promise.all(names.map((name) => node(world, name))), true);
  },
  leave: async (world, [name]) => world.runtime.leave(await node(world, name), "offline"),
  /** lose NODE: it is gone without a word, and with it all that ran there */
  lose: async (world, [name]) => {
    world.executor.powerOff(name ?? "");
    await world.runtime.leave(await node(world, name), "lost");
  },
  /** isolate NODE: it is gone for the others, but its resources go on */
  isolate: async (world, [name]) => world.runtime.leave(await node(world, name), "lost"),
  /** kill RESOURCE NODE: its process dies */
  kill: (world, [resource, name]) => world.executor.setState(name ?? "", resource ?? "", "stopped"),
  /** started-by-hand RESOURCE NODE */
  "started-by-hand": (world, [resource, name]) => world.executor.setState(name ?? "", resource ?? "", "started"),
  /** plan RESOURCE TASK NODE|* [rc=N] [times=N] [takes=TIME] [hangs] [reason=WORD] */
  plan: (world, [resource = "", task = "", name = "*", ...options]) => {
    const given = new Map(options.map((option) => option.split("=") as [string, string | undefined]));
    const result: PlannedResult = {
      ...(given.has("rc") && { rc: Number(given.get("rc")) }),
      ...(given.has("hangs") && { hangs: true as const }),
      ...(given.has("takes") && { takesMs: parseDuration(given.get("takes")) ?? 0 }),
      ...(given.has("reason") && { exitReason: (given.get("reason") ?? "").replaceAll("_", " ") }),
    };
    const times = given.get("times");
    world.executor.plan(
      { resource, task, ...(name !== "*" && { node: name }) },
      result,
      times === undefined ? undefined : Number(times),
    );
  },
  /** attribute NODE NAME VALUE|- [DAMPENING] */
  attribute: async (world, [name, key = "", text, dampening]) =>
    world.runtime.attributes.set(await node(world, name), key, value(text), parseDuration(dampening)),
  standby: (world, [name = "", on]) => edit(world, setStandby(name, on === "on")),
  maintenance: (world, [name, on]) => edit(world, setMaintenance(name === "*" ? undefined : name, on === "on")),
  meta: (world, [id = "", name = "", text]) => edit(world, (cib) => setResourceMeta(cib, id, name, value(text))),
  parameter: (world, [id = "", name = "", text]) => edit(world, setParameter(id, name, value(text))),
  property: (world, [name = "", text]) => edit(world, (cib) => setProperty(cib, name, value(text))),
  /** clock +1h|-1h: the time of day is set */
  clock: (world, [change = ""]) =>
    world.clock.set(world.clock.now() + (change.startsWith("-") ? -1 : 1) * (parseDuration(change.slice(1)) ?? 0)),
  cleanup: (world, [id]) => edit(world, cleanUp(id)),
  /** load FILE: another configuration */
  load: async (world, [file = ""]) => {
    const loaded = parseCib(await readFile(join(world.folder, file), "utf8"), file);
    await edit(world, (cib) => withStatusOf(loaded, cib));
  },
  /** restart NODE…: the runtime is killed and started again; resources go on meanwhile */
  restart: async (world, names) => {
    world.restart();
    await world.runtime.join(await Promise.all(names.map((name) => node(world, name))), false);
  },
  /** lost-before-start NODE: it was a member when the runtime last ran */
  "lost-before-start": async (world, [name]) => {
    const gone = await node(world, name);
    await world.store.update((cib) => setNodeCondition(cib, gone, "lost"));
  },
  /** state RESOURCE…: where it really runs */
  state: async (world, resources) => {
    const names = clusterNodes(await world.store.read()).map((one) => one.name);
    for (const resource of resources) {
      const where = names
        .map((name) => [name, world.executor.stateOf(name, resource)])
        .filter(([, state]) => state !== "stopped")
        .map(([name, state]) => `${state} on ${name}`);
      world.say(`= ${resource}: ${where.length === 0 ? "stopped" : where.join(", ")}`);
    }
  },
};
