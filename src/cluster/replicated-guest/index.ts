import { isGuestName } from "../../lib/config/schema.js";
import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { reported } from "../../lib/report.js";
import type { XmlElement } from "../../lib/xml.js";
import { findResource } from "../cib/edit.js";
import type { Edit } from "../cib/tree.js";
import { configurationDiff } from "../configure.js";
import { inTurn } from "../control.js";
import { guestStatus, startGuest, type GuestStatus, type WaitOptions } from "../guests.js";
import { targetRoleOf } from "../guest-resource.js";
import { applySteps } from "../setup/apply.js";
import { examine } from "../setup/examine.js";
import { untestedMembers } from "../setup/fence-record.js";
import { presentHosts, type PresentHosts } from "../pacemaker/presence.js";
import { membersOf } from "../setup/members.js";
import type { ClusterSession } from "../setup/session.js";
import type { Step } from "../setup/steps/types.js";
import type { ReplicatedVolume } from "../volumes/replicated/index.js";
import { isReplicated } from "../volumes/replicated/promotion.js";
import { expectPromotable } from "./choose-host.js";
import { readDomain } from "./domain.js";
import { effectsOf, requireHarmless, requireValid } from "./effects.js";
import { requireNowhereElse } from "./elsewhere.js";
import { hostDomains, proveFit } from "./hosts.js";
import { definitionPath, dropGuest, isRegistered, ownIds, putGuest, undefinedOn } from "./resources.js";
import { sessionCluster } from "./session-cluster.js";
import { addSteps, removeSteps } from "./steps.js";
import { requireStopped } from "./stopped.js";
import type { FileChange, GuestChange, GuestDomain, GuestOptions, GuestRequest } from "./types.js";
import { findVolume } from "./volume.js";

export type { GuestChange, GuestOptions, GuestRequest } from "./types.js";
export { sessionCluster } from "./session-cluster.js";
export { definitionPath } from "./resources.js";
export { preferredHost, type ComingGuest } from "./choose-host.js";
export { registeredGuest } from "./registered.js";
export { CONSOLES } from "./domain-rules.js";

/** What is to be done, and what that would lead to. */
interface GuestPlan {
  readonly change: GuestChange;
  readonly steps: readonly Step[];
}

/**
 * Registers a guest on a replicated volume with the cluster: its definition on both hosts, then all of its resources in
 * one change of the CIB. One that is registered is brought up to date. The same again changes nothing. A host that is
 * certainly down is left out, and may not run the guest until the same is done again with it.
 * @returns what was changed, and how many steps it took
 * @throws RehomeError before anything was changed: domain-refused, domain-unfit, domain-exists, volume-missing,
 *   volume-busy, volume-stale, resource-exists, others-stop, file-foreign, cib-invalid, host-unreachable, runtime-unreachable;
 *   afterwards as applySteps
 */
export async function addGuest(
  session: ClusterSession,
  request: GuestRequest,
  options: GuestOptions,
): Promise<GuestChange & { readonly changed: number }> {
  return carryOut(session, `rehome cluster add ${request.name}`, options, () => planGuest(session, request, options));
}

/**
 * Waits until a guest that was added runs; one that is to be stopped is left as it is.
 * @throws RehomeError as startGuest
 */
export async function awaitAdded(session: ClusterSession, name: string, wait: WaitOptions): Promise<GuestStatus> {
  const cluster = sessionCluster(session);
  const guest = findResource(await cluster.read(), name);
  const isWanted = guest !== undefined && targetRoleOf(guest) !== "Stopped";
  return isWanted ? startGuest(cluster, name, wait) : guestStatus(cluster, name);
}

/** What `addGuest` would change; changes nothing. @throws as addGuest */
export async function foreseeGuest(
  session: ClusterSession,
  request: GuestRequest,
  options: GuestOptions,
): Promise<GuestChange> {
  return (await planGuest(session, request, options)).change;
}

/**
 * Takes a stopped guest out of the cluster: its resources, constraints and definitions; its volume stays.
 * @throws RehomeError resource-unknown, resource-active, others-stop, host-unreachable, as applySteps
 */
export async function removeGuest(
  session: ClusterSession,
  name: string,
  options: GuestOptions,
): Promise<GuestChange & { readonly changed: number }> {
  return carryOut(session, `rehome cluster remove ${name}`, options, () => planRemoval(session, name, options));
}

/** What `removeGuest` would change; changes nothing. @throws as removeGuest */
export async function foreseeRemoval(
  session: ClusterSession,
  name: string,
  options: GuestOptions,
): Promise<GuestChange> {
  return (await planRemoval(session, name, options)).change;
}

/** Plans with nobody else changing the cluster, and does it. */
function carryOut(
  session: ClusterSession,
  purpose: string,
  options: GuestOptions,
  plan: () => Promise<GuestPlan>,
): Promise<GuestChange & { readonly changed: number }> {
  return session.exclusively(
    purpose,
    async (journal) => {
      const { change, steps } = await plan();
      const changed = await applySteps(steps, session.connections.hosts, { ...options, journal });
      return { ...change, changed };
    },
    options.lockWaitMs,
  );
}

async function planGuest(session: ClusterSession, request: GuestRequest, options: GuestOptions): Promise<GuestPlan> {
  const { name, xml, source, start } = request;
  const { report, force = false } = options;
  requireName(name);
  const present = await presentHosts(session, options);
  const { hosts, away } = present;
  const volume = await findVolume(session, present, request.volume);
  const devices = volume.parts.map(({ device }) => device);
  const domain = readDomain(xml(devices), source, name, devices);
  await proveFit(session, hosts, domain, report);
  const cluster = sessionCluster(session);
  const [cib, ...found] = await Promise.all([cluster.read(), ...hosts.map(hostDomains)]);
  const isThere = isRegistered(cib, name);
  const domains = found.flat();
  const taken = volume.parts.flatMap(({ device, disk }) => [device, disk]);
  requireNowhereElse(domains, domain, taken, isThere);

  const { arbitrator } = session.cluster;
  const { vcpus, memory } = domain;
  const edit = putGuest(
    { name, volume: volume.name, vcpus, memory, preferred: request.preferred },
    arbitrator.kind === "member" ? arbitrator.name : undefined,
    start ? "Started" : "Stopped",
    away,
  );
  const steps = addSteps(
    name,
    domain.text,
    hosts.map((each) => each.name),
    edit,
  );
  const runs = domains.some((each) => each.name === name && each.running);
  return {
    steps,
    change: {
      guest: name,
      ...(await foreseeEdit(await cluster.host(), cib, edit, { name, expected: volume.name, report, force })),
      files: await fileChanges(steps, session),
      undefinedOn: away === undefined ? [] : [away],
      notes: [
        ...notesOnAbsence(present, name),
        ...notesOnReplication(present, volume),
        ...notesOn(session, cib, domain, runs),
      ],
    },
  };
}

async function planRemoval(session: ClusterSession, name: string, options: GuestOptions): Promise<GuestPlan> {
  const { report, force = false } = options;
  requireName(name);
  const { hosts, away } = await presentHosts(session, options);
  const cluster = sessionCluster(session);
  const cib = await cluster.read();
  const steps = removeSteps(
    name,
    hosts.map((each) => each.name),
  );
  const files = await Promise.all(
    hosts.map(async (each) => (await each.run(["test", "-e", definitionPath(name)])).exitCode === 0),
  );
  if (!isRegistered(cib, name) && !files.includes(true)) {
    throw new RehomeError("resource-unknown", `no guest "${name}" that rehome registered is in the cluster`, {
      remedy: "rehome cluster status lists what is",
    });
  }
  await requireStopped(cluster, name, options);
  const now = await cluster.read(); // it may have been waited for
  const difference = await foreseeEdit(await cluster.host(), now, dropGuest(name), { name, report, force });
  const change: GuestChange = {
    guest: name,
    ...difference,
    files: hosts.flatMap((each, index) =>
      files[index] === true ? [{ machine: each.name, path: definitionPath(name), difference: "" }] : [],
    ),
    undefinedOn: [],
    notes:
      away === undefined || undefinedOn(cib, name) === away
        ? []
        : [`${away} is away and keeps its definition: once it is back, run rehome cluster remove ${name} again`],
  };
  return { steps, change };
}

interface Foreseeing extends GuestOptions {
  readonly name: string;
  /** The volume whose promotion is to be expected once DRBD's agent has seen it. */
  readonly expected?: string;
}

/** What a change of the CIB is, and leads to, found out before it is made. @throws RehomeError others-stop, cib-invalid */
async function foreseeEdit(
  host: Host,
  cib: XmlElement,
  edit: Edit,
  { name, expected, report, force = false }: Foreseeing,
): Promise<Pick<GuestChange, "difference" | "moves">> {
  const after = edit(cib);
  if (after === cib) return { difference: "", moves: [] };
  return reported(report, { id: "foresee", title: "foresee what moves" }, async () => {
    await requireValid(host, after);
    const supposed = expected === undefined ? edit : inTurn(edit, expectPromotable(expected));
    const own = [...ownIds(cib, name), ...ownIds(after, name)];
    const effects = await effectsOf(cib, supposed, own, Date.now());
    requireHarmless(effects, force);
    return { difference: await configurationDiff(cib, after, "with the change"), moves: effects.moves };
  });
}

function requireName(name: string): void {
  const isTaken = /^(fence-|drbd-|ms-drbd-)|^(cl-)?ping$/.test(name); // what init and volumes have in the CIB
  if (isGuestName(name) && !isTaken) return;
  throw new RehomeError("usage", `"${name}" is no name for a guest`, { remedy: "choose one such as web1" });
}

/** What becomes of the definitions. @throws RehomeError file-foreign */
async function fileChanges(steps: readonly Step[], { connections }: ClusterSession): Promise<readonly FileChange[]> {
  const changes: FileChange[] = [];
  const files = steps.filter((step) => step.kind === "file");
  const examined = await Promise.all(files.map((step) => examine(step, connections.hosts)));
  for (const [index, step] of files.entries()) {
    const { needed = false, diff = "", foreign } = examined[index] ?? {};
    if (foreign !== undefined) {
      throw new RehomeError("file-foreign", "there is a file that rehome did not write", {
        machine: step.machine,
        path: step.path,
        remedy: "see what it is for; move it away when it is not needed any more",
      });
    }
    if (needed) changes.push({ machine: step.machine, path: step.path, difference: diff });
  }
  return changes;
}

function notesOnAbsence({ away }: PresentHosts, name: string): readonly string[] {
  if (away === undefined) return [];
  return [
    `not yet highly available: ${away} is away and gets no definition of ${name}; once it is back, run rehome cluster add ${name}`,
  ];
}

function notesOnReplication({ away }: PresentHosts, { states }: ReplicatedVolume): readonly string[] {
  const behind = Object.entries(states).filter(({ 1: { disks } }) => disks.some((disk) => disk !== "UpToDate"));
  if (behind.length > 0) {
    return behind.map(([host]) => `the volume is not current on ${host}: the guest cannot go there before it is`);
  }
  if (away !== undefined || Object.values(states).every(isReplicated)) return [];
  return ["not yet highly available: the hosts do not see each other over DRBD"];
}

function notesOn({ cluster }: ClusterSession, cib: XmlElement, domain: GuestDomain, runs: boolean): readonly string[] {
  const untested = untestedMembers(cib, membersOf(cluster));
  return [
    ...(untested.length > 0
      ? [`fencing was never tested on ${untested.join(", ")}: nothing is highly available yet`]
      : []),
    ...(runs ? ["it runs: a changed definition counts from its next start on"] : []),
    ...(domain.usesUefi
      ? ["UEFI keeps its variables on each host: the guest must boot without an entry of its own"]
      : []),
  ];
}
