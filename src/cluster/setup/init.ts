import { RehomeError } from "../../lib/errors.js";
import type { Report } from "../../lib/report.js";
import { readLiveCib } from "../pacemaker/live-cib.js";
import { applySteps } from "./apply.js";
import { hostOf } from "./examine.js";
import { untestedMembers } from "./fence-record.js";
import { membersOf } from "./members.js";
import { isBlocked, planCluster, type ClusterPlan } from "./plan.js";
import type { ClusterSession } from "./session.js";

export interface InitResult {
  /** How many steps had to be taken; 0 when everything was as it should be. */
  readonly changed: number;
  /** Members whose fencing was never tried, or was set up differently since. */
  readonly untested: readonly string[];
  /** Only a cluster whose fencing is known to work is one that may be relied upon. */
  readonly highlyAvailable: boolean;
}

export interface InitOptions {
  readonly report: Report;
  readonly signal?: AbortSignal;
  /** Called with the plan before anything is changed. */
  readonly onPlan: (plan: ClusterPlan) => void;
}

/**
 * Makes the machines of rehome.yaml a cluster. What is so already is left alone; cut off, the next run goes on.
 * @throws RehomeError cluster-blocked before anything was changed; as applySteps afterwards
 */
export async function initCluster(session: ClusterSession, options: InitOptions): Promise<InitResult> {
  const { cluster, connections, passwords } = session;
  return session.exclusively("rehome cluster init", async (journal) => {
    const plan = await planCluster(cluster, connections, { passwords, ...options });
    options.onPlan(plan);
    if (isBlocked(plan)) {
      const blockers = plan.concerns.filter(({ severity }) => severity === "blocker");
      throw new RehomeError("cluster-blocked", `${blockers.length} of the concerns above stand in the way`, {
        output: blockers.map(({ code, machine, message }) => `${machine ?? "all"}: ${message} [${code}]`).join("\n"),
        remedy: "put them right, and run again; nothing was changed",
      });
    }
    const changed = plan.steps.some(({ needed }) => needed)
      ? await applySteps(
          plan.steps.map(({ step }) => step),
          connections.hosts,
          { ...options, journal },
        )
      : 0;
    const members = membersOf(cluster);
    const [first] = members;
    const cib = first && (await readLiveCib(hostOf(connections.hosts, first.name)));
    const untested = untestedMembers(cib, members);
    return { changed, untested, highlyAvailable: untested.length === 0 };
  });
}
