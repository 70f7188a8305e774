import { setTimeout as sleep } from "node:timers/promises";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import type { XmlElement } from "../../lib/xml.js";
import type { Edit } from "../cib/tree.js";
import { clusterNodes, failureMarks } from "../control.js";
import type { Cluster, Keeper, Updated } from "../types.js";
import { hasQuorum, noQuorum, requireLiveCib, updateLiveCib } from "./live-cib.js";
import { findMember, isLost, type FoundMember, type MemberAccess } from "./members.js";
import { readMembership } from "./membership.js";

const POLL_MS = 500;
/** crm_resource waits for the controllers of all nodes, a minute at most. */
const CLEANUP_LIMIT = { timeoutMs: 90_000 };
/** The CIB has the news a moment after the controllers answered. */
const FORGET_MS = 10_000;

/**
 * A cluster that Pacemaker keeps, asked through the tools of whichever member answers. One with quorum is asked first;
 * when the member is lost meanwhile, another one takes its place.
 */
export function pacemakerCluster(members: readonly MemberAccess[]): Cluster & { host(): Promise<Host> } {
  let current: FoundMember | undefined;
  const member = async (): Promise<FoundMember> => (current ??= await findMember(members));
  const host = async (): Promise<Host> => (await member()).host;
  const onMember = async <T>(work: (host: Host) => Promise<T>): Promise<T> => {
    const asked = await host();
    try {
      return await work(asked);
    } catch (thrown) {
      // Every edit says what is to be so: made twice, it is the same.
      if (!isLost(thrown)) throw thrown;
      current = undefined;
      await asked.close().catch(() => undefined); // it is lost already
      return work(await host());
    }
  };
  const read = async (): Promise<XmlElement> => {
    if (current === undefined) return (await member()).cib; // it was asked just now
    return onMember(requireLiveCib);
  };
  const keeper = async (): Promise<Keeper & { readonly kind: "pacemaker" }> => {
    const cib = await read();
    const coordinator = clusterNodes(cib).find(({ id }) => id === cib.attributes["dc-uuid"])?.name;
    const { host, unreached } = await member();
    return {
      ...{ kind: "pacemaker", node: host.name, quorum: hasQuorum(cib), unreached },
      ...(coordinator !== undefined && { coordinator }),
    };
  };
  const keptCib = async (): Promise<XmlElement> => {
    const cib = await read();
    if (!hasQuorum(cib)) throw noQuorum((await host()).name);
    return cib;
  };
  return {
    backend: "pacemaker",
    name: members.map(({ name }) => name).join(", "),
    pollMs: POLL_MS,
    host,
    read,
    update: (edit, seen) => onMember((asked) => updateLiveCib(asked, withQuorumOnly(edit, asked.name), seen)),
    ensureCib: () => Promise.resolve(),
    cleanUp: (resource, node) => onMember((asked) => cleanUp(asked, read, resource, node)),
    keeper,
    async requireKeeper() {
      await keptCib();
    },
    keptCib,
    membership: () => onMember(async (asked) => readMembership(asked, await read())),
    verification: async () => ({ host: await host(), argv: ["-L"] }),
    async close() {
      await current?.host.close();
    },
  };
}

/** What is set without quorum would win over what the others decided meanwhile: the CIB with more changes is kept. */
function withQuorumOnly(edit: Edit, machine: string): Edit {
  return (cib) => {
    const after = edit(cib);
    if (after !== cib && !hasQuorum(cib)) throw noQuorum(machine);
    return after;
  };
}

/** The controllers keep what happened: they must forget it, not the CIB alone. */
async function cleanUp(
  host: Host,
  read: () => Promise<XmlElement>,
  resource: string | undefined,
  node: string | undefined,
): Promise<Updated> {
  const failed = failureMarks(await read(), resource, node);
  const argv = [
    ...["crm_resource", "--cleanup"],
    ...(resource === undefined ? [] : ["--resource", resource]),
    ...(node === undefined ? [] : ["--node", node]),
  ];
  await runChecked(host, argv, CLEANUP_LIMIT);
  const end = performance.now() + FORGET_MS;
  for (;;) {
    const cib = await read();
    const left = failureMarks(cib, resource, node).filter((mark) => failed.includes(mark));
    if (left.length === 0 || performance.now() >= end) return { cib, changed: failed.length > left.length };
    await sleep(POLL_MS);
  }
}
