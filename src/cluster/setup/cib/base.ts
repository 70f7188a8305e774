import type { ClusterConfig } from "../../../lib/config/schema.js";
import { parseSize } from "../../../lib/units.js";
import { element, type XmlElement } from "../../../lib/xml.js";
import { nodeId, setProperty } from "../../cib/edit.js";
import { sameElement } from "../../cib/make.js";
import { editChild, editPath, named, setPair, type Edit } from "../../cib/tree.js";
import { hostsOf, membersOf } from "../members.js";
import { fencingDevice, fencingPlace } from "./fencing.js";
import { pingClone } from "./ping.js";

const MIB = 1024 ** 2;

/** What a host has, before the reserve is taken off. */
export interface Capacity {
  readonly cpus: number;
  /** Bytes. */
  readonly memory: number;
}

/**
 * How long the fencing of the first host waits, so that of two hosts that only lost each other it is the first that
 * goes on; and of a host with guests, which counts for more. Pacemaker wants the second to be twice the first at least.
 * The tie-breaker's vote already lets one host at the most fence; the delays are for the moment in which both still count
 * on it, and for a cluster that lost it. They prolong the failover of a host that is really dead, so they are short.
 */
const FIRST_HOST_DELAY = "2s";
const PRIORITY_DELAY = "5s";

/**
 * All that init puts into the CIB: properties, defaults, what each host can carry, fencing, ping. What is there already
 * and says the same stays as it is, and so does everything else that the CIB has.
 * @param capacities of the hosts, by name
 */
export function configureCluster(cluster: ClusterConfig, capacities: ReadonlyMap<string, Capacity>): Edit {
  const members = membersOf(cluster);
  const { gateways, arbitrator } = cluster;
  const edits: readonly Edit[] = [
    ...Object.entries(properties(members.length)).map(
      ([name, value]): Edit =>
        (cib) =>
          setProperty(cib, name, value),
    ),
    setDefault("rsc_defaults", "rsc-options", "resource-stickiness", "200"),
    setDefault("op_defaults", "op-options", "timeout", "60s"),
    ...hostsOf(cluster).map(({ name }): Edit => carries(name, cluster, capacities.get(name))),
    ...members.map((member, index) => put("resources", fencingDevice(member, delayOf(index, members.length)))),
    put("resources", pingClone(gateways)),
    ...members.map((member) => put("constraints", fencingPlace(member))),
    ...(arbitrator.kind === "member" ? [put("constraints", onlyVotes(arbitrator.name))] : []),
  ];
  return (cib) => edits.reduce((at, edit) => edit(at), cib);
}

function properties(members: number): Readonly<Record<string, string>> {
  return {
    "no-quorum-policy": "stop",
    "stonith-enabled": "true",
    "stonith-action": "reboot",
    "stonith-timeout": "120s",
    ...(members === 2 && { "priority-fencing-delay": PRIORITY_DELAY }),
    "symmetric-cluster": "true",
    "placement-strategy": "balanced",
    "migration-limit": "1",
    "batch-limit": "10",
    "cluster-recheck-interval": "5min",
  };
}

/** Of three members two decide who is fenced; only two can shoot at each other. */
function delayOf(index: number, members: number): string | undefined {
  return members === 2 && index === 0 ? FIRST_HOST_DELAY : undefined;
}

function setDefault(section: string, id: string, name: string, value: string): Edit {
  return (cib) =>
    editPath(cib, ["configuration", section], (at) => setPair(at, { kind: "meta_attributes", id }, name, value));
}

/** How much of what a node has guests may take. Unchanged for one whose capacity is not known. */
function carries(name: string, { overcommit, reserve }: ClusterConfig, capacity: Capacity | undefined): Edit {
  return (cib) => {
    if (capacity === undefined) return cib;
    const id = nodeId(cib, name);
    const cpus = Math.floor(Math.max(0, capacity.cpus - reserve.cpus) * overcommit.cpus);
    const memory = Math.floor((Math.max(0, capacity.memory - parseSize(reserve.memory)) * overcommit.memory) / MIB);
    const set = { kind: "utilization", id: `nodes-${id}-utilization` };
    return editPath(cib, ["configuration", "nodes"], (nodes) =>
      editChild(nodes, named("node", id), (node) =>
        setPair(setPair(node, set, "cpu", `${cpus}`), set, "hv_memory", `${memory}`),
      ),
    );
  };
}

/** A full member that only votes: it runs fencing devices and pings, and is not even asked about anything else. */
export function onlyVotes(node: string): XmlElement {
  return element("rsc_location", {
    id: `loc-${node}-only-votes`,
    "rsc-pattern": "!^(fence-.*|ping|cl-ping)(:[0-9]+)?$",
    node,
    score: "-INFINITY",
    "resource-discovery": "never",
  });
}

/** Adds an element to a section of the configuration, or brings the one of that id up to date. */
export function put(section: "resources" | "constraints", wanted: XmlElement): Edit {
  return (cib) =>
    editPath(cib, ["configuration", section], (at) =>
      editChild(
        at,
        named(wanted.name, wanted.attributes["id"]),
        (found) => (sameElement(found, wanted) ? found : wanted),
        () => wanted,
      ),
    );
}
