import { delay } from "../../../lib/delay.js";
import { RehomeError } from "../../../lib/errors.js";
import { bootIdOf, quiesce, restart, writableMounts } from "../../physical/quiesce.js";
import { currentSteps, factOf, statusOf, type Step } from "../sequence.js";
import { waitUntilBack } from "../source-link.js";
import type { CutoverContext } from "../types.js";

/** How long a source may take until it answers again after a restart, in ms. */
export const BACK_TIMEOUT_MS = 10 * 60_000;

/** Downtime begins: the source's services stop and its file systems become read-only. */
export const quiesceStep: Step<CutoverContext> = {
  name: "quiesce",
  title: "bring the source to rest",
  describe: ({ session: { guestConfig, sourceConfig } }) => [
    ...guestConfig.stopServices.map((service) => `stop ${service} on ${sourceConfig.address}`),
    `stop every other service on ${sourceConfig.address} but ssh and the network`,
    "turn its swap off, sync, and make every file system read-only (sysrq u)",
  ],
  async holds({ source, session }) {
    const steps = currentSteps(await session.store.records());
    if (statusOf(steps, "source-off") === "done") return true;
    const bootId = await source.bootId();
    if (bootId === undefined) {
      if (statusOf(steps, "source-off") !== "pending") return true; // it was told to go; that step makes sure
      throw new RehomeError("host-unreachable", "the source was at rest and cannot be reached any more", {
        machine: session.guestConfig.source,
        remedy: "mend the connection and run the same command again, or run rehome rollback",
      });
    }
    return bootId === factOf(steps, "preflight", "bootId") && (await writableMounts(await source.host())).length === 0;
  },
  async run({ source, session, report, signal }) {
    const host = await source.host();
    const known = factOf(currentSteps(await session.store.records()), "preflight", "bootId");
    if ((await bootIdOf(host)) !== known) {
      throw new RehomeError("cutover-stale", "the source was restarted since the cutover began", {
        machine: session.guestConfig.source,
        remedy: "run the same command again",
      });
    }
    const done = await quiesce(host, session.guestConfig.stopServices, signal);
    for (const text of done.warnings) report.note({ severity: "warning", text });
    return { detail: `${done.stopped.length} services stopped, file systems read-only` };
  },
  async undo({ source, session }) {
    const bootId = await source.bootId();
    if (bootId === undefined) return "the source is off or cannot be reached: switch it on by hand";
    if (bootId !== factOf(currentSteps(await session.store.records()), "preflight", "bootId")) return "the source runs";
    await restart(await source.host());
    await source.drop();
    await delay(1000);
    await waitUntilBack(source, session.guestConfig.source, bootId, BACK_TIMEOUT_MS);
    return "the source was restarted and answers";
  },
};
