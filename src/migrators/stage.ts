import type { Report } from "../lib/report.js";
import { reported } from "../lib/report.js";
import { withVolumes } from "./landing/volume-keeper.js";
import { chooseKernel } from "./conversion/kernel/choose.js";
import { kernelFolder, prepareKernel } from "./conversion/kernel/prepare.js";
import { requireUnblocked } from "./plan/plan.js";
import { inspectAndPlan, type GuestSession } from "./session.js";
import { stageGuest, type StageOptions, type StageResult } from "./staging/index.js";

export interface StageRequest {
  readonly session: GuestSession;
  readonly options: StageOptions;
  readonly report: Report;
  readonly signal?: AbortSignal;
}

/**
 * Looks at the source once more, fetches the kernel of a guest that has none, and copies its disks while it runs.
 * @throws RehomeError plan-blocked, guest-unsupported, and what inspecting and staging throw
 */
export async function stage({ session, options, report, signal }: StageRequest): Promise<StageResult> {
  const { plan, machine } = await reported(
    report,
    { id: "inspect", title: `look at ${session.guestConfig.source}` },
    () => inspectAndPlan(session, { ...(signal && { signal }) }),
    (found) => found.machine.distribution.name,
  );
  requireUnblocked(plan);
  const choice = chooseKernel(machine, session.guestConfig.kernelPackages);
  await prepareKernel(choice, kernelFolder(session.store), () => session.connect(signal));
  return withVolumes(
    () => session.openVolumes({ plan, report, signal }),
    report,
    (volumes) =>
      stageGuest({
        plan,
        machine,
        store: session.store,
        volumes,
        connect: () => session.connect(signal),
        report,
        options,
        ...(signal && { signal }),
      }),
  );
}
