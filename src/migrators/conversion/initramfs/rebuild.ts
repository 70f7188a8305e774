import { createHash } from "node:crypto";
import { readText } from "../text.js";
import type { Edit, StepContext } from "../types.js";

/** Emulated, building an initramfs takes ten minutes and more. */
const LIST_TIMEOUT_MS = 5 * 60_000;
const REBUILD_TIMEOUT_MS = 30 * 60_000;

/** The administrator's own additions to what goes into an initramfs (initramfs-tools(7)). */
const HOOKS = "/etc/initramfs-tools/hooks";

/**
 * Has the guest build an initramfs with virtio drivers, where it has none. One that was built before, at a rehearsal or in
 * the preflight, is put there instead, as long as everything that it is made from is the same.
 */
export async function rebuild(context: StepContext, release: string, path: string): Promise<readonly Edit[]> {
  if (await listsDrivers(context, path)) return [];
  const argv = ["update-initramfs", "-u", "-k", release];
  const name = await productName(context, release, argv);
  const paths = [path, notePath(release)];
  if (name !== undefined) {
    const again = await builtBefore(context, name, paths, release);
    if (again !== undefined) return again;
  }
  return [
    {
      ...{ kind: "command", argv, files: [path], timeoutMs: REBUILD_TIMEOUT_MS },
      what: [`built anew for ${release}, with virtio drivers`],
      ...(name !== undefined && { product: { name, paths, replaces: productPrefix(release) } }),
    },
  ];
}

/** Where older initramfs-tools note what they wrote last, so that they see when somebody else has changed it. */
function notePath(release: string): string {
  return `/var/lib/initramfs-tools/${release}`;
}

/** The initramfs with its note, in a guest that has such notes. */
async function builtBefore(
  { files, supplies }: StepContext,
  name: string,
  paths: readonly string[],
  release: string,
): Promise<readonly Edit[] | undefined> {
  const [path = "", notePath = ""] = paths;
  const [image, note] = (await supplies.products.find(name)) ?? [];
  if (image === undefined || image.length === 0) return undefined;
  const what = [`${release} has the initramfs that was built before: what it is made from is unchanged`];
  const edits: Edit[] = [{ kind: "write", path, content: image, what }];
  if ((await files.stat(notePath)) === undefined) return edits;
  if (note === undefined || note.length === 0) return undefined;
  return [...edits, { kind: "write", path: notePath, content: note, what: [] }];
}

/** Whether the drivers are in it; what is in a file of the same content is not listed twice. */
async function listsDrivers({ files, supplies }: StepContext, path: string): Promise<boolean> {
  const name = `virtio-drivers@${await files.digest(path)}`;
  const [known] = (await supplies.products.find(name)) ?? [];
  if (known !== undefined) return known.toString() === "yes";
  const content = await files.command(["lsinitramfs", path], LIST_TIMEOUT_MS);
  const listed = /\/virtio_blk\.ko/.test(content) && /\/virtio_pci\.ko/.test(content);
  await supplies.products.keep(name, [Buffer.from(listed ? "yes" : "no")]);
  return listed;
}

/**
 * A name for what a command makes, out of everything that it is made from: the guest's programs, drivers and
 * configuration, the kernel's configuration, and the devices that its hooks may look at. Undefined where that is not
 * known: hooks of the administrator's own may read anything.
 */
async function productName(
  { files, devices, mounts }: StepContext,
  release: string,
  argv: readonly string[],
): Promise<string | undefined> {
  if ((await files.list(HOOKS)).length > 0) return undefined;
  const fingerprint = await files.fingerprint();
  if (fingerprint === undefined) return undefined;
  const config = (await readText(files, `/boot/config-${release}`)) ?? null;
  const inputs = JSON.stringify([argv, fingerprint, config, devices, [...mounts]]);
  return `${productPrefix(release)}${createHash("sha256").update(inputs).digest("hex")}`;
}

/** What the products of a kernel begin with. No release has such a mark in it. */
function productPrefix(release: string): string {
  return `initramfs@${release}@`;
}
