import { join } from "node:path";

/** The files of a cluster kept by the bundled runtime, all below the target's state folder (rehome.yaml: target.state). */
export interface ClusterPaths {
  readonly cib: string;
  /** Locked for the moment of a change to the CIB, by the runtime and by commands. */
  readonly cibLock: string;
  /** Locked for as long as a runtime keeps this CIB. */
  readonly runtimeLock: string;
  /** The runtime's socket: shims and commands talk to it. */
  readonly socket: string;
  /** What the runtime remembers between restarts: operations under way. */
  readonly runtimeFolder: string;
  /** Libvirt domain XML, one file a guest; outside /etc/libvirt, where libvirt would define and start them by itself. */
  readonly domains: string;
  /** Serial console logs, one file a guest. */
  readonly consoles: string;
}

export function clusterPaths(stateFolder: string): ClusterPaths {
  return {
    cib: join(stateFolder, "cib.xml"),
    cibLock: join(stateFolder, "cib.lock"),
    runtimeLock: join(stateFolder, "runtime", "lock"),
    socket: join(stateFolder, "runtime", "socket"),
    runtimeFolder: join(stateFolder, "runtime"),
    domains: join(stateFolder, "domains"),
    consoles: join(stateFolder, "consoles"),
  };
}
