import { dirname, join } from "node:path";
import type { StepRecord } from "../../../../src/cluster/setup/apply.js";
import { readJournal } from "../../../../src/lib/journal.js";
import type { ClusterLab } from "./finished.js";
import { runDisturbed, type Disturbance, type Ended } from "../../../helpers/own-process.js";

/**
 * Runs `rehome cluster init` in a process of its own, and does something to it or to a machine once it has begun a step.
 * @param at whether this is the step, of those that this run has begun
 */
export async function initDisturbed(
  cluster: ClusterLab,
  at: Disturbance<StepRecord>["at"],
  disturb: Disturbance<StepRecord>["disturb"],
): Promise<Ended<StepRecord> & { readonly begun: readonly StepRecord[] }> {
  const ended = await runDisturbed(["cluster", "init", "--config", cluster.config, "--json"], {
    journal: () => begunSteps(cluster),
    at,
    disturb,
  });
  return { ...ended, begun: ended.records };
}

async function begunSteps(cluster: ClusterLab): Promise<readonly StepRecord[]> {
  const records = await readJournal<StepRecord>(join(dirname(cluster.config), "state", "cluster", "journal.jsonl"));
  return records.filter(({ state }) => state === "begun");
}
