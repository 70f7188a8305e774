import { isVolatile, resolveDevice } from "../devices.js";
import { NOTHING, readText, writeText } from "../text.js";
import type { Step, StepContext } from "../types.js";

const PATH = "/etc/initramfs-tools/conf.d/resume";

/**
 * The device that the initramfs resumes from (initramfs.conf(5), RESUME). A name that does not appear holds the boot up
 * for half a minute. The initramfs has a copy, which the kernel's parameter overrules: see resumeParameter.
 */
export const resume: Step = {
  name: "resume device",
  async check(context) {
    const found = await staleResume(context);
    if (found === undefined) return NOTHING;
    const text = found.text.replace(/^RESUME=.*$/m, `RESUME=${found.device}`);
    return { edits: [writeText(PATH, text, [`RESUME=${found.was} is now RESUME=${found.device}`])], warnings: [] };
  },
};

/** What the kernel's command line needs so that an initramfs with the old name does not wait for it. */
export async function resumeParameter(context: StepContext): Promise<string | undefined> {
  const found = await staleResume(context);
  if (found === undefined) return undefined;
  return found.device === "none" ? "noresume" : `resume=${found.device}`;
}

interface StaleResume {
  readonly text: string;
  readonly was: string;
  /** `UUID=…`, or `none` when there is no such device any more. */
  readonly device: string;
}

async function staleResume(context: StepContext): Promise<StaleResume | undefined> {
  const text = await readText(context.files, PATH);
  const was = text === undefined ? undefined : /^RESUME=(.*)$/m.exec(text)?.[1]?.trim();
  if (text === undefined || was === undefined || /^(?:none|auto|)$/.test(was)) return undefined;
  const device = resolveDevice(was, context);
  if (device !== undefined && !isVolatile(was)) return undefined;
  return { text, was, device: device?.uuid === undefined ? "none" : `UUID=${device.uuid}` };
}
