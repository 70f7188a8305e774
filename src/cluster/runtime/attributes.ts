import type { CibStore } from "../cib/store.js";
import { setTransientAttribute, transientAttributes, type ClusterNode } from "../cib/status.js";
import type { Clock, Timer } from "./types.js";

/** The nodes' transient attributes, as Pacemaker's attribute daemon keeps them. */
export interface Attributes {
  /** The value as last set, written or not. */
  get(node: ClusterNode, name: string): Promise<string | undefined>;
  /**
   * Sets a value, or removes it. With dampening it is written, for all nodes together, when the attribute was left
   * alone for that long: a flapping value moves nothing, and nodes that see the same change in turn are compared only
   * when all have. Once given, an attribute's dampening holds for later changes without one.
   */
  set(node: ClusterNode, name: string, value: string | undefined, dampenMs?: number): Promise<void>;
  /** Writes everything that waits. */
  flush(): Promise<void>;
}

interface Value {
  readonly node: ClusterNode;
  readonly value: string | undefined;
}

/** An attribute with values that are not written yet, by node id. */
interface Waiting {
  readonly values: Map<string, Value>;
  timer: Timer;
}

export function attributes(
  store: CibStore,
  clock: Clock,
  onChange: (node: ClusterNode, name: string, value: string | undefined) => void,
): Attributes {
  const waiting = new Map<string, Waiting>();
  const dampening = new Map<string, number>();

  const write = async (name: string, values: readonly Value[]): Promise<void> => {
    let changed: readonly Value[] = [];
    await store.update((cib) => {
      changed = values.filter(({ node, value }) => transientAttributes(cib, node.id)[name] !== value);
      return changed.reduce((at, { node, value }) => setTransientAttribute(at, node, name, value), cib);
    });
    for (const { node, value } of changed) onChange(node, name, value);
  };

  const writeWaiting = async (name: string): Promise<void> => {
    const entry = waiting.get(name);
    if (entry === undefined) return;
    entry.timer.cancel();
    waiting.delete(name);
    await write(name, [...entry.values.values()]);
  };

  return {
    async get(node, name) {
      const entry = waiting.get(name)?.values.get(node.id);
      if (entry !== undefined) return entry.value;
      return transientAttributes(await store.read(), node.id)[name];
    },
    async set(node, name, value, dampenMs) {
      if (dampenMs !== undefined) dampening.set(name, dampenMs);
      const wait = dampening.get(name) ?? 0;
      if (wait === 0) return write(name, [{ node, value }]);
      const entry = waiting.get(name);
      const known = entry?.values.get(node.id);
      const current = known === undefined ? transientAttributes(await store.read(), node.id)[name] : known.value;
      if (current === value) return;
      const values = entry?.values ?? new Map<string, Value>();
      values.set(node.id, { node, value });
      entry?.timer.cancel();
      waiting.set(name, { values, timer: clock.after(wait, () => void writeWaiting(name)) });
    },
    async flush() {
      for (const name of [...waiting.keys()]) await writeWaiting(name);
    },
  };
}
