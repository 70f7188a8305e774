import { RehomeError } from "../../../lib/errors.js";
import { withLineEnd } from "../../../lib/with-line-end.js";
import { appendix, driverArchive, driverState, hasDriverArchive } from "../initramfs/drivers.js";
import { initramfsFormat } from "../initramfs/format.js";
import { rebuild } from "../initramfs/rebuild.js";
import { readText, writeText } from "../text.js";
import type { Edit, Finding, Step, StepContext } from "../types.js";

const CONFIG = "/etc/initramfs-tools";
/** After these the kernel unpacks another archive; after lz4, lzo and lzma it does not. */
const EXTENSIBLE = new Set(["gzip", "zstd", "xz", "bzip2", "none"]);

/**
 * virtio drivers in the initramfs of every kernel in /boot. Looking into one takes 15 s where it is emulated, so what
 * is known is used: that the kernel has them built in, that rehome has put them there, or that they were there when the
 * machine was inspected and its initramfs is not trimmed to the source's hardware. Else they are appended.
 */
export const initramfs: Step = {
  name: "initramfs",
  async check(context) {
    const edits: Edit[] = [];
    const warnings: string[] = [];
    const releases = (await context.files.list("/boot")).flatMap((name) => /^vmlinu[xz]-(.+)$/.exec(name)?.[1] ?? []);
    const trimmed = await isTrimmed(context);
    let able = 0;
    for (const release of releases) {
      const result = isRelease(release) ? await checkKernel(context, release, trimmed) : odd(release);
      edits.push(...result.edits);
      warnings.push(...result.warnings);
      if (result.warnings.length === 0) able += 1;
    }
    if (releases.length > 0 && able === 0) {
      throw new RehomeError("guest-unsupported", "no kernel in /boot can start from a virtio disk", {
        machine: context.plan.name,
        output: warnings.join("\n"),
        remedy: "install a kernel of the distribution on the source, and stage it again",
      });
    }
    // before everything else, because an initramfs that is built anew needs it
    if (trimmed && edits.length > 0) edits.unshift(...(await keepDrivers(context)));
    return { edits, warnings };
  },
};

function isRelease(release: string): boolean {
  return /^[A-Za-z0-9][A-Za-z0-9._+~-]*$/.test(release);
}

function odd(release: string): Finding {
  return { edits: [], warnings: [`the kernel ${JSON.stringify(release)} was not looked at: its name is odd`] };
}

/** Whether initramfs-tools leaves out what the source's hardware does not need (initramfs.conf(5), MODULES). */
async function isTrimmed({ files }: StepContext): Promise<boolean> {
  const names = (await files.list(`${CONFIG}/conf.d`)).map((name) => `${CONFIG}/conf.d/${name}`);
  let value = "most";
  for (const path of [`${CONFIG}/initramfs.conf`, ...names]) {
    const text = (await readText(files, path)) ?? "";
    for (const match of text.matchAll(/^[ \t]*MODULES=["']?(\w+)/gm)) value = match[1] ?? value;
  }
  return value !== "most";
}

async function checkKernel(context: StepContext, release: string, trimmed: boolean): Promise<Finding> {
  const { files, machine } = context;
  const path = `/boot/initrd.img-${release}`;
  const inspected = machine.kernels.find((kernel) => kernel.release === release)?.hasVirtio;
  if (inspected === true && !trimmed) return NONE;
  const size = (await files.stat(path))?.size;
  if (size !== undefined && (await hasDriverArchive(files, path, size))) return NONE;
  const state = await driverState(files, release);
  if (state === "builtin") return NONE;
  if (state === "missing") return warn(`the kernel ${release} has no virtio drivers; the guest cannot start with it`);
  if (size === undefined) return warn(`the kernel ${release} has no initramfs and needs one for its virtio drivers`);
  const format = await initramfsFormat(files, path);
  const edit = EXTENSIBLE.has(format) ? extend(context, release, path, size) : rebuild(context, release, path);
  return { edits: await edit, warnings: [] };
}

async function extend({ files }: StepContext, release: string, path: string, size: number): Promise<readonly Edit[]> {
  const config = (await readText(files, `/boot/config-${release}`)) ?? "";
  const content = appendix(await driverArchive(files, release), size, /^CONFIG_RD_GZIP=y$/m.test(config));
  return [{ kind: "append", path, content, what: [`virtio drivers added for ${release}`] }];
}

/** The next initramfs that the guest builds has them as well. */
async function keepDrivers({ files }: StepContext): Promise<readonly Edit[]> {
  const path = `${CONFIG}/modules`;
  const text = (await readText(files, path)) ?? "";
  const missing = ["virtio_pci", "virtio_blk"].filter((name) => !new RegExp(`^[ \\t]*${name}\\b`, "m").test(text));
  if (missing.length === 0) return [];
  const changed = `${withLineEnd(text)}${missing.join("\n")}\n`;
  return [writeText(path, changed, ["every new initramfs has virtio drivers"])];
}

const NONE: Finding = { edits: [], warnings: [] };

function warn(warning: string): Finding {
  return { edits: [], warnings: [warning] };
}
