import { delay } from "../../../lib/delay.js";
import { RehomeError } from "../../../lib/errors.js";
import { currentSteps, factOf, statusOf } from "../../cutover/sequence.js";
import { waitUntilBack } from "../../cutover/source-link.js";
import type { CutoverContext } from "../../cutover/types.js";
import type { SourceControl } from "../../source-control.js";
import { bootIdOf, quiesce, restart, writableMounts } from "../quiesce.js";

/** How long a source may take until it answers again after a restart, in ms. */
export const BACK_TIMEOUT_MS = 10 * 60_000;

/** The source's services stop and its file systems become read-only; it goes on answering. */
export const physicalRest: SourceControl["rest"] = {
  describe: ({ session: { guestConfig, sourceConfig } }) => [
    ...guestConfig.stopServices.map((service) => `stop ${service} on ${sourceConfig.address}`),
    `stop every other service on ${sourceConfig.address} but ssh and the network`,
    "turn its swap off, sync, and make every file system read-only (sysrq u)",
  ],
  async holds({ source, session, options }) {
    const steps = currentSteps(await session.store.records());
    if (statusOf(steps, "source-off") === "done") return true;
    const bootId = await source.bootId();
    if (bootId === undefined) {
      if (statusOf(steps, "source-off") !== "pending") return true; // it was told to go; that step makes sure
      if (options.sourceIsOff) return true; // it died at rest: what was copied since then is all there is
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
    const steps = currentSteps(await session.store.records());
    const name = session.guestConfig.source;
    const bootId = await source.bootId();
    if (bootId === undefined) {
      if (statusOf(steps, "source-off") !== "pending") return "the source is off: switch it on by hand";
      throw lostAtRest(session);
    }
    if (bootId !== factOf(steps, "preflight", "bootId")) return "the source runs";
    await restart(await source.host());
    await source.drop();
    await delay(1000);
    await waitUntilBack(source, name, bootId, BACK_TIMEOUT_MS);
    return "the source was restarted and answers";
  },
};

/**
 * Looked at before anything is undone: as long as the source cannot be reached, the copy may be all that is left of it.
 * @throws RehomeError source-not-back
 */
export async function requireWayBack({ source, session }: CutoverContext): Promise<void> {
  const steps = currentSteps(await session.store.records());
  if (statusOf(steps, "quiesce") === "pending" || statusOf(steps, "source-off") !== "pending") return;
  if ((await source.bootId()) === undefined) throw lostAtRest(session);
}

function lostAtRest({ guest, guestConfig }: CutoverContext["session"]): RehomeError {
  return new RehomeError("source-not-back", "the source was brought to rest and cannot be reached any more", {
    machine: guestConfig.source,
    remedy: `mend the connection, or restart it by hand; then run rehome rollback ${guest}`,
  });
}

/**
 * Makes sure that the source is still at rest, as it was when the last pass began: a machine that was restarted in
 * between (a hardware watchdog, a hand) has acknowledged what no copy has.
 * @throws RehomeError cutover-stale, source-busy; connection errors
 */
export async function requireAtRest({ source, session }: CutoverContext): Promise<void> {
  const machine = session.guestConfig.source;
  const host = await source.host();
  if ((await bootIdOf(host)) !== factOf(currentSteps(await session.store.records()), "preflight", "bootId")) {
    throw new RehomeError("cutover-stale", "the source was restarted after it was brought to rest", {
      machine,
      remedy: "find out what restarts it (a watchdog?), then run the same command again",
    });
  }
  const writable = await writableMounts(host);
  if (writable.length === 0) return;
  throw new RehomeError("source-busy", `file systems can be written to again: ${writable.join(" ")}`, {
    machine,
    remedy: "find out what does that, then run the same command again",
  });
}
