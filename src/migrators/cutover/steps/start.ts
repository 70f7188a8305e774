import { parseDuration } from "../../../lib/units.js";
import { describeCheck, waitForChecks } from "../checks.js";
import { effectiveChecks, silentGuest } from "../gates.js";
import { controlOf } from "../control.js";
import type { Step } from "../sequence.js";
import type { CutoverContext } from "../types.js";

const START_TIMEOUT_MS = 3 * 60_000;
const STOP_TIMEOUT_MS = 6 * 60_000;

/** The guest becomes a resource of the cluster, stopped. */
export const registerStep: Step<CutoverContext> = {
  name: "register",
  title: "register the guest",
  describe: ({ home }) => home.registering,
  async run({ home, volumes }) {
    return { detail: await home.register(() => volumes.release()) };
  },
  async undo({ home }) {
    await home.unregister();
    return "no longer a resource";
  },
};

export const startStep: Step<CutoverContext> = {
  name: "start",
  title: "start the guest",
  describe: ({ plan, session }) => [
    `make sure once more that ${session.guestConfig.source} is off`,
    `start ${plan.name} as a resource of the cluster`,
  ],
  async ready(context) {
    // Once the guest runs it answers at the source's address, and silence proves nothing any more.
    if ((await context.home.status()).state === "running") return;
    await controlOf(context).requireOff(context);
  },
  async run({ home, signal }) {
    const status = await home.start({ timeoutMs: START_TIMEOUT_MS, ...(signal && { signal }) });
    return { detail: `running${status.node === undefined ? "" : ` on ${status.node}`}` };
  },
  async undo({ home }) {
    if ((await home.status()).state === "unregistered") return "it was not started";
    await home.giveUp({ timeoutMs: STOP_TIMEOUT_MS });
    return "stopped";
  },
};

/** Downtime ends: the guest answers. */
export const answersStep: Step<CutoverContext> = {
  name: "answers",
  title: "wait until the guest answers",
  describe: ({ session, machine }) =>
    effectiveChecks(session, machine).map((check) => `wait for ${describeCheck(check)}`),
  async run({ session, machine, home, signal }) {
    const checks = effectiveChecks(session, machine);
    const timeoutMs = parseDuration(session.guestConfig.bootTimeout);
    try {
      await waitForChecks(checks, session.target, { timeoutMs, signal });
    } catch (thrown) {
      throw await silentGuest(thrown, home);
    }
    return { detail: checks.map(describeCheck).join(", ") };
  },
};
