import type { ClusterSession } from "../../cluster/setup/session.js";

/** The cluster's hosts, logged in to when they are needed and kept, because a login takes seconds of a downtime. */
export interface ClusterKeeper {
  /**
   * Has something done on the hosts. When that fails, whoever needs them next logs in anew; also when one of them did not
   * answer the login, because it may be back by then.
   */
  use<T>(work: (cluster: ClusterSession) => Promise<T>): Promise<T>;
  /** Forgets the connections. */
  release(): Promise<void>;
}

/** @param open logs in; it throws as openCluster */
export function clusterKeeper(open: () => Promise<ClusterSession>): ClusterKeeper {
  let opened: ClusterSession | undefined;
  async function release(): Promise<void> {
    const old = opened;
    opened = undefined;
    await old?.close();
  }
  return {
    async use(work) {
      opened ??= await open();
      const { unreachable } = opened.connections;
      let isDone = false;
      try {
        const result = await work(opened);
        isDone = true;
        return result;
      } finally {
        if (!isDone || unreachable.length > 0) await release();
      }
    },
    release,
  };
}
