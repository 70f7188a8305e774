import { RehomeError } from "../../../lib/errors.js";
import { hardwareOf, requireSameHardware } from "../../cutover/same-hardware.js";
import { answers } from "../../cutover/source-link.js";
import type { SourceControl } from "../../source-control.js";
import { inspectMachine } from "../inspect.js";
import { bootIdOf } from "../quiesce.js";
import { physicalOff, requireSilence } from "./off.js";
import { physicalRest, requireAtRest, requireWayBack } from "./rest.js";
import { canReturn } from "./return.js";

/** A machine that is brought to rest and switched off from within, and is proven off by its silence. */
export const physicalControl: SourceControl = {
  async check(context) {
    const { source, session, signal } = context;
    const host = await source.host();
    requireSameHardware(context, hardwareOf(await inspectMachine(host, signal)));
    const sysrq = await host.run(["test", "-w", "/proc/sysrq-trigger"]);
    if (sysrq.exitCode === 0) return bootIdOf(host);
    throw new RehomeError(
      "source-unsupported",
      "cannot bring the source to rest: /proc/sysrq-trigger is not writable",
      {
        machine: session.guestConfig.source,
        remedy: "log in as root, or set sudo: true for it in rehome.yaml",
      },
    );
  },
  leavesReaders: false, // every process that is not needed for the way in is ended
  rest: physicalRest,
  off: physicalOff,
  requireAtRest,
  requireOff: (context) => requireSilence(context, 0),
  requireWayBack,
  canReturn,
  answers: ({ source }) => answers(source),
};
