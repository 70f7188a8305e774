import { bySeverity } from "../../lib/concern.js";
import type { ClusterConfig } from "../../lib/config/schema.js";
import type { Host } from "../../lib/host/types.js";
import { reported, type Report } from "../../lib/report.js";
import { CLUSTER_CHECKS } from "./checks/index.js";
import { clusterConcern, type ClusterConcern } from "./concerns.js";
import { contentsKey, examine, hostOf, readFiles, type Contents, type Examined } from "./examine.js";
import { isOurs } from "./files/mark.js";
import { gatherCluster, type Connections } from "./facts/gather.js";
import type { ClusterFacts } from "./facts/types.js";
import { membersOf } from "./members.js";
import { AUTHKEY, COROSYNC_CONF } from "./steps/configuration.js";
import { clusterSteps, memberTemplates } from "./steps/index.js";
import type { Place, Step } from "./steps/types.js";

/** What would be done to make the machines a cluster, and what stands in the way. */
export interface ClusterPlan {
  readonly facts: ClusterFacts;
  /** Every step, in order, needed or not; none while a machine cannot be looked at. */
  readonly steps: readonly Examined[];
  readonly concerns: readonly ClusterConcern[];
}

export interface PlanOptions {
  readonly passwords: ReadonlyMap<string, string>;
  readonly report: Report;
  readonly signal?: AbortSignal;
}

/** Looks at everything and changes nothing. @throws RehomeError connection-lost, cancelled */
export async function planCluster(
  cluster: ClusterConfig,
  connections: Connections,
  options: PlanOptions,
): Promise<ClusterPlan> {
  const { passwords, report, signal } = options;
  const facts = await gatherCluster(cluster, connections, options);
  const found = CLUSTER_CHECKS.flatMap((check) => check({ cluster, facts }));
  if (connections.unreachable.length > 0) return { facts, steps: [], concerns: bySeverity(found) };
  const { hosts } = connections;
  const steps = await reported(report, { id: "compare", title: "compare with what should be" }, async () => {
    const [templates, keyHolder] = await Promise.all([memberTemplates(), findKeyHolder(cluster, hosts)]);
    return examineAll(clusterSteps({ cluster, facts, templates, passwords, keyHolder }), hosts, signal);
  });
  const concerns = [...found, ...foreignFiles(steps), ...(await liveChanges(steps, hosts))];
  return { facts, steps, concerns: bySeverity(concerns) };
}

export function isBlocked({ concerns }: Pick<ClusterPlan, "concerns">): boolean {
  return concerns.some(({ severity }) => severity === "blocker");
}

/** Machines at the same time, the steps of one machine one after the other. */
async function examineAll(
  steps: readonly Step[],
  hosts: ReadonlyMap<string, Host>,
  signal: AbortSignal | undefined,
): Promise<readonly Examined[]> {
  const contents = await readContents(steps, hosts);
  const examined = new Map<Step, Examined>();
  await Promise.all(
    [...new Set(steps.map(({ machine }) => machine))].map(async (machine) => {
      for (const step of steps.filter((each) => each.machine === machine)) {
        signal?.throwIfAborted();
        examined.set(step, await examine(step, hosts, contents));
      }
    }),
  );
  return steps.flatMap((step) => examined.get(step) ?? []);
}

/** All files that steps look at, a machine at a time. */
async function readContents(steps: readonly Step[], hosts: ReadonlyMap<string, Host>): Promise<Contents> {
  const files = steps.filter((step) => step.kind === "file");
  const places = files.flatMap((step): readonly Place[] => [step, ...step.sources]);
  const contents = new Map<string, Buffer | undefined>();
  await Promise.all(
    [...new Set(places.map(({ machine }) => machine))].map(async (machine) => {
      const paths = [...new Set(places.filter((place) => place.machine === machine).map(({ path }) => path))];
      const found = await readFiles(hostOf(hosts, machine), paths);
      for (const [index, path] of paths.entries()) contents.set(contentsKey({ machine, path }), found[index]);
    }),
  );
  return contents;
}

/** The first member that has an authkey, or the first that will make one. */
async function findKeyHolder(cluster: ClusterConfig, hosts: ReadonlyMap<string, Host>): Promise<string> {
  const names = membersOf(cluster).map(({ name }) => name);
  for (const name of names) {
    const [key] = await readFiles(hostOf(hosts, name), [AUTHKEY]);
    if (key !== undefined) return name;
  }
  return names[0] ?? "";
}

function foreignFiles(steps: readonly Examined[]): readonly ClusterConcern[] {
  return steps.flatMap(({ step, foreign }) => {
    if (step.kind !== "file" || foreign === undefined) return [];
    const what = step.path === COROSYNC_CONF ? "the configuration of another cluster" : "a configuration";
    const shown = foreign.trim() === "" ? "" : `: ${firstLines(foreign)}`;
    return [
      clusterConcern(
        "file-foreign",
        step.machine,
        `${step.path} is ${what} that rehome did not write${shown}`,
        "see what it is for; move it away when it is not needed any more",
      ),
    ];
  });
}

const SHOWN = 400;

function firstLines(text: string): string {
  const lines = text.split("\n").map((line) => line.trim());
  const telling = lines.filter((line) => line !== "" && !line.startsWith("#")).join(" ");
  return telling.length > SHOWN ? `${telling.slice(0, SHOWN)} …` : telling;
}

/** A running corosync takes up a new configuration only at a restart, which would stop guests. */
async function liveChanges(
  steps: readonly Examined[],
  hosts: ReadonlyMap<string, Host>,
): Promise<readonly ClusterConcern[]> {
  const concerns: ClusterConcern[] = [];
  for (const { step, needed, exists, foreign, diff } of steps) {
    if (step.kind !== "file" || step.path !== COROSYNC_CONF || !needed || exists !== true || foreign !== undefined)
      continue;
    const host = hostOf(hosts, step.machine);
    const content = (await host.readFile(step.path)).toString("utf8");
    const active = await host.run(["systemctl", "is-active", "--quiet", "pacemaker.service"]);
    if (active.exitCode !== 0 || !isOurs(content)) continue;
    const lines = diff.split("\n").filter((line) => /^[+-](?![+-])/.test(line));
    concerns.push(
      clusterConcern(
        "cluster-live",
        step.machine,
        `the cluster runs, and ${step.path} would change: ${lines.join(" ")}`,
        "take the change in rehome.yaml back, or make it by hand on all members and run corosync-cfgtool -R",
      ),
    );
  }
  return concerns;
}
