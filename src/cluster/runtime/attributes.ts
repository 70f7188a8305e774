import type { CibStore } from "../cib/store.js";
import { setTransientAttribute, transientAttributes, type ClusterNode } from "../cib/status.js";
import type { Clock, Timer } from "./types.js";

/** The nodes' transient attributes, as Pacemaker's attribute daemon keeps them. */
export interface Attributes {
  /** The value as last set, written or not. */
  get(node: ClusterNode, name: string): Promise<string | undefined>;
  /**
   * Sets a value, or removes it. With dampening it is written when the attribute was left alone for that long, so
   * that a flapping value does not move resources about.
   */
  set(node: ClusterNode, name: string, value: string | undefined, dampenMs?: number): Promise<void>;
  /** Writes everything that waits. */
  flush(): Promise<void>;
}

interface Waiting {
  readonly node: ClusterNode;
  readonly name: string;
  readonly value: string | undefined;
  readonly timer: Timer;
}

export function attributes(
  store: CibStore,
  clock: Clock,
  onChange: (node: ClusterNode, name: string, value: string | undefined) => void,
): Attributes {
  const waiting = new Map<string, Waiting>();
  /** Once given, an attribute's dampening holds for later changes without one. */
  const dampening = new Map<string, number>();
  const keyOf = (node: ClusterNode, name: string): string => `${node.id} ${name}`;

  const write = async (node: ClusterNode, name: string, value: string | undefined): Promise<void> => {
    const changed: string[] = [];
    await store.update((cib) => {
      if (transientAttributes(cib, node.id)[name] === value) return cib;
      changed.push(name);
      return setTransientAttribute(cib, node, name, value);
    });
    if (changed.length > 0) onChange(node, name, value);
  };

  const writeWaiting = async (key: string): Promise<void> => {
    const entry = waiting.get(key);
    if (entry === undefined) return;
    entry.timer.cancel();
    waiting.delete(key);
    await write(entry.node, entry.name, entry.value);
  };

  return {
    async get(node, name) {
      const entry = waiting.get(keyOf(node, name));
      if (entry !== undefined) return entry.value;
      return transientAttributes(await store.read(), node.id)[name];
    },
    async set(node, name, value, dampenMs) {
      const key = keyOf(node, name);
      if (dampenMs !== undefined) dampening.set(name, dampenMs);
      const wait = dampening.get(name) ?? 0;
      const pending = waiting.get(key);
      if (pending !== undefined && pending.value === value) return;
      pending?.timer.cancel();
      waiting.delete(key);
      if (wait === 0) return write(node, name, value);
      if (transientAttributes(await store.read(), node.id)[name] === value) return;
      const timer = clock.after(wait, () => void writeWaiting(key));
      waiting.set(key, { node, name, value, timer });
    },
    async flush() {
      for (const key of [...waiting.keys()]) await writeWaiting(key);
    },
  };
}
