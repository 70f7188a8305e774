import { allEnded } from "../../lib/all-ended.js";
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
import { applySteps, applyTogether } from "../setup/apply.js";
import { examine, type Contents, type Examined } from "../setup/examine.js";
import { presentHosts, type PresentHosts } from "../pacemaker/presence.js";
import type { ClusterSession } from "../setup/session.js";
import type { FileStep, Step } from "../setup/steps/types.js";
import { expectPromotable } from "./choose-host.js";
import { readDomain } from "./domain.js";
import { effectsOf, requireHarmless, requireValid } from "./effects.js";
import { requireNowhereElse } from "./elsewhere.js";
import { allDomains, proveFit, type HostDomain } from "./hosts.js";
import { lookAround, volumeStates, type Found } from "./look.js";
import { notesOn, notesOnAbsence, notesOnReplication } from "./notes.js";
import { definitionPath, dropGuest, isRegistered, ownIds, putGuest, undefinedOn } from "./resources.js";
import { sessionCluster } from "./session-cluster.js";
import { definitionSteps, outdating, registration, removeSteps } from "./steps.js";
import { requireStopped } from "./stopped.js";
import type { GuestChange, GuestOptions, GuestRequest } from "./types.js";
import { hostsBehind, pathsOf, requireData } from "./volume.js";

export type { GuestChange, GuestOptions, GuestRequest } from "./types.js";
export { requireRunsNowhere } from "./elsewhere.js";
export { sessionCluster } from "./session-cluster.js";
export { definitionPath } from "./resources.js";
export { preferredHost, type ComingGuest } from "./choose-host.js";
export { registeredGuest } from "./registered.js";
export { CONSOLES } from "./domain-rules.js";

/** What is to be done, and what that would lead to. */
interface GuestPlan {
  readonly change: GuestChange;
  /** Side by side, before the steps. */
  readonly definitions: readonly Examined[];
  readonly steps: readonly Step[];
}

/** How often a guest is planned when somebody else changes the cluster meanwhile. */
const PLANS = 3;

/**
 * Registers a guest on a replicated volume with the cluster: its definition on both hosts, then all of its resources in
 * one change of the CIB. One that is registered is brought up to date. The same again changes nothing. A host that is
 * certainly down is left out, and may not run the guest until the same is done again with it.
 * @returns what was changed, and how many steps it took
 * @throws RehomeError before anything was changed: domain-refused, domain-unfit, domain-exists, volume-missing,
 *   volume-busy, volume-stale, resource-exists, others-stop, file-foreign, cib-invalid, host-unreachable,
 *   runtime-unreachable, no-quorum; afterwards as applySteps
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

/**
 * Plans with no other rehome changing the cluster, and does it; planned anew when an administrator changed something that
 * was not in the plan.
 */
function carryOut(
  session: ClusterSession,
  purpose: string,
  options: GuestOptions,
  plan: () => Promise<GuestPlan>,
): Promise<GuestChange & { readonly changed: number }> {
  const { hosts } = session.connections;
  return session.exclusively(
    purpose,
    async (journal) => {
      for (let count = 1; ; count += 1) {
        const { change, definitions, steps } = await plan();
        try {
          const written = await applyTogether(definitions, hosts, { ...options, journal });
          const changed = await applySteps(steps, hosts, { ...options, journal });
          return { ...change, changed: written + changed };
        } catch (thrown) {
          if (!(thrown instanceof RehomeError) || thrown.code !== "cib-changed" || count === PLANS) throw thrown;
        }
      }
    },
    options.lockWaitMs,
  );
}

async function planGuest(session: ClusterSession, request: GuestRequest, options: GuestOptions): Promise<GuestPlan> {
  requireName(request.name);
  const present = await presentHosts(session, options);
  const begun: Begun = { released: request.release?.() ?? Promise.resolve(), domains: allDomains(present.hosts) };
  const [, , plan] = await allEnded([begun.released, begun.domains, planOn(session, request, options, present, begun)]);
  return plan;
}

/** What takes long, and is needed late. */
interface Begun {
  readonly released: Promise<void>;
  readonly domains: Promise<readonly HostDomain[]>;
}

async function planOn(
  session: ClusterSession,
  request: GuestRequest,
  options: GuestOptions,
  present: PresentHosts,
  begun: Begun,
): Promise<GuestPlan> {
  const { name, volume, source, start, preferred } = request;
  const { report, force = false } = options;
  const { hosts, away } = present;
  const cluster = sessionCluster(session);
  const look = (): Promise<Found> => lookAround(session, cluster, hosts, request);
  const first = await look();
  const devices = first.parts.map(({ device }) => device);
  const domain = readDomain(await request.xml(devices, present), source, name, devices);
  // to find that out takes its time: what was seen before it may not be so any more
  const isLater = await proveFit(session, hosts, domain, report);
  const { cib, parts, definitions: contents } = isLater ? await look() : first;
  const taken = pathsOf(volume, parts);
  const nowhereElse = async (): Promise<readonly HostDomain[]> => {
    const domains = await (isLater ? allDomains(hosts) : begun.domains);
    requireNowhereElse(domains, domain, taken, isRegistered(cib, name));
    return domains;
  };

  const { arbitrator } = session.cluster;
  const { vcpus, memory } = domain;
  const edit = putGuest(
    { name, volume, vcpus, memory, preferred },
    arbitrator.kind === "member" ? arbitrator.name : undefined,
    start ? "Started" : "Stopped",
    away,
  );
  const names = hosts.map((each) => each.name);
  const member = await cluster.host();
  const [domains, states, foreseen, definitions] = await allEnded([
    nowhereElse(),
    begun.released.then(() => volumeStates(request, hosts, cib, member)),
    foreseeEdit(member, cib, edit, { name, expected: volume, report, force }),
    examineDefinitions(definitionSteps(name, domain.text, names), session, contents),
  ]);
  requireData(volume, parts.length, states, away);
  // one that is registered already was told then, and the cluster may have promoted it since
  const behind = isRegistered(cib, name) ? [] : hostsBehind(request, states);
  const runs = domains.some((each) => each.name === name && each.running);
  return {
    definitions,
    steps: [...outdating(volume, behind), registration(member.name, names, edit, cib)],
    change: {
      guest: name,
      ...foreseen,
      files: definitions.flatMap(({ step, needed, diff }) =>
        needed ? [{ machine: step.machine, path: definitionPath(name), difference: diff }] : [],
      ),
      undefinedOn: away === undefined ? [] : [away],
      notes: [
        ...notesOnAbsence(present, name),
        ...notesOnReplication(present, states),
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
  return { definitions: [], steps, change };
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
    const supposed = expected === undefined ? edit : inTurn(edit, expectPromotable(expected));
    const own = [...ownIds(cib, name), ...ownIds(after, name)];
    const [, effects, difference] = await allEnded([
      requireValid(host, after),
      effectsOf(cib, supposed, own, Date.now()),
      configurationDiff(cib, after, "with the change"),
    ]);
    requireHarmless(effects, force);
    return { difference, moves: effects.moves };
  });
}

function requireName(name: string): void {
  const isTaken = /^(fence-|drbd-|ms-drbd-)|^(cl-)?ping$/.test(name); // what init and volumes have in the CIB
  if (isGuestName(name) && !isTaken) return;
  throw new RehomeError("usage", `"${name}" is no name for a guest`, { remedy: "choose one such as web1" });
}

/** What becomes of the definitions. @throws RehomeError file-foreign */
async function examineDefinitions(
  steps: readonly FileStep[],
  { connections }: ClusterSession,
  contents: Contents,
): Promise<readonly Examined[]> {
  const examined = await allEnded(steps.map((step) => examine(step, connections.hosts, contents)));
  const foreign = steps.find((_, index) => examined[index]?.foreign !== undefined);
  if (foreign === undefined) return examined;
  throw new RehomeError("file-foreign", "there is a file that rehome did not write", {
    machine: foreign.machine,
    path: foreign.path,
    remedy: "see what it is for; move it away when it is not needed any more",
  });
}
