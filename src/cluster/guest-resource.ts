import { element, type XmlElement } from "../lib/xml.js";
import { pairValue } from "./cib/tree.js";

/** A guest as a resource of the cluster. */
export interface GuestResource {
  readonly name: string;
  /** Path of its domain XML, as `defineGuest` returned it. */
  readonly domainPath: string;
  /** Libvirt's address, such as `qemu:///system`. */
  readonly libvirt: string;
  /** How long its start and stop may take, in ms. */
  readonly startTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
  readonly monitorIntervalMs?: number;
  /** What it takes of a node, for placement: vCPUs, and memory in bytes. */
  readonly vcpus?: number;
  readonly memory?: number;
}

export const START_MS = 120_000;
/** A guest may take its time to shut down; the agent pulls the plug five seconds before the end. */
export const STOP_MS = 300_000;
const MONITOR_MS = 10_000;
const MONITOR_TIMEOUT_MS = 30_000;
const MIB = 1024 * 1024;

/** The ocf:heartbeat:VirtualDomain primitive of a guest. */
export function guestPrimitive(guest: GuestResource, targetRole: string): XmlElement {
  const { name } = guest;
  const set = (kind: string, pairs: Readonly<Record<string, string | undefined>>): XmlElement[] => {
    const given = Object.entries(pairs).filter((pair): pair is [string, string] => pair[1] !== undefined);
    const children = given.map(([key, value]) => element("nvpair", { id: `${name}-${kind}-${key}`, name: key, value }));
    return children.length === 0 ? [] : [element(kind, { id: `${name}-${kind}` }, children)];
  };
  const op = (task: string, intervalMs: number, timeoutMs: number): XmlElement =>
    element("op", {
      id: `${name}-${task}-${seconds(intervalMs)}`,
      name: task,
      interval: seconds(intervalMs),
      timeout: seconds(timeoutMs),
    });
  return element("primitive", { id: name, class: "ocf", provider: "heartbeat", type: "VirtualDomain" }, [
    ...set("instance_attributes", {
      config: guest.domainPath,
      hypervisor: guest.libvirt,
      // Otherwise the agent asks and sets the utilization nine times in every monitor.
      autoset_utilization_cpu: "false",
      autoset_utilization_host_memory: "false",
      autoset_utilization_hv_memory: "false",
    }),
    ...set("meta_attributes", {
      "target-role": targetRole,
      "allow-migrate": "false",
      "migration-threshold": "3",
      "failure-timeout": "10min",
    }),
    ...set("utilization", {
      cpu: guest.vcpus === undefined ? undefined : `${guest.vcpus}`,
      hv_memory: guest.memory === undefined ? undefined : `${Math.ceil(guest.memory / MIB)}`,
    }),
    element("operations", {}, [
      op("start", 0, guest.startTimeoutMs ?? START_MS),
      op("stop", 0, guest.stopTimeoutMs ?? STOP_MS),
      op("monitor", guest.monitorIntervalMs ?? MONITOR_MS, MONITOR_TIMEOUT_MS),
    ]),
  ]);
}

/** Whether a resource is a guest, and so may be replaced by one. */
export function isGuest(resource: XmlElement): boolean {
  return resource.name === "primitive" && resource.attributes["type"] === "VirtualDomain";
}

export function targetRoleOf(resource: XmlElement): string | undefined {
  return pairValue(resource, "meta_attributes", "target-role");
}

function seconds(ms: number): string {
  return `${ms / 1000}s`;
}
