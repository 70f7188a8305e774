import { hostname } from "node:os";
import { RehomeError } from "../lib/errors.js";
import { localHost } from "../lib/host/local-host.js";
import { initialCib } from "./cib/edit.js";
import { fileCib } from "./cib/store.js";
import type { Edit } from "./cib/tree.js";
import { cleanUp } from "./control.js";
import type { ClusterPaths } from "./paths.js";
import { ask } from "./runtime/shims/server.js";
import type { Cluster, Keeper, Updated } from "./types.js";

const POLL_MS = 200;

/**
 * The cluster of this machine that the bundled runtime keeps: a CIB in a file, which is changed under its lock, and the
 * runtime's socket.
 * @param client the command's name, recorded as the origin of changes
 */
export function bundledCluster(paths: ClusterPaths, client: string): Cluster {
  const store = fileCib(paths, { client });
  const update = async (edit: Edit): Promise<Updated> => {
    let changed = false;
    const cib = await store.update((before) => {
      const after = edit(before);
      changed = after !== before;
      return after;
    });
    return { cib, changed };
  };
  return {
    backend: "bundled",
    name: paths.cib,
    pollMs: POLL_MS,
    read: () => store.read(),
    update,
    async ensureCib() {
      await fileCib(paths, { client, initial: () => initialCib(hostname()) }).update((cib) => cib);
    },
    cleanUp: (resource, node) => update(cleanUp(resource, node)),
    keeper: () => runtimeOf(paths),
    async requireKeeper() {
      await pingRuntime(paths);
    },
    async keptCib() {
      await pingRuntime(paths);
      return store.read();
    },
    membership: () => Promise.resolve(undefined),
    verification: () => Promise.resolve({ host: localHost(), argv: ["-x", paths.cib] }),
    close: () => Promise.resolve(),
  };
}

/** The runtime that keeps a CIB; undefined when none does. @throws RehomeError runtime-unreachable */
export async function runtimeOf(paths: ClusterPaths): Promise<(Keeper & { readonly kind: "runtime" }) | undefined> {
  try {
    return await pingRuntime(paths);
  } catch (thrown) {
    if (thrown instanceof RehomeError && thrown.code === "runtime-not-running") return undefined;
    throw thrown;
  }
}

/** @throws RehomeError runtime-not-running, runtime-unreachable */
async function pingRuntime(paths: ClusterPaths): Promise<Keeper & { readonly kind: "runtime" }> {
  const answer = await ask(paths.socket, { tool: "rehome", argv: ["ping"], env: {} });
  const { pid, node, stopsResources } = JSON.parse(answer.stdout) as {
    pid: number;
    node: string;
    stopsResources?: boolean;
  };
  return { kind: "runtime", node, pid, ...(stopsResources !== undefined && { stopsResources }) };
}
