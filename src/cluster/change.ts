import { RehomeError } from "../lib/errors.js";
import type { XmlElement } from "../lib/xml.js";
import { fileCib } from "./cib/store.js";
import type { Edit } from "./cib/tree.js";
import type { ClusterPaths } from "./paths.js";
import { ask } from "./runtime/shims/server.js";

/** What became of a change that an administrator asked for. */
export interface ChangeResult {
  /** False when the CIB said so already. */
  readonly changed: boolean;
  /** The CIB's version afterwards: `admin_epoch.epoch.num_updates`. */
  readonly version: string;
  /** Whether a runtime keeps this CIB and acts on the change now. */
  readonly runtime: boolean;
}

/**
 * Changes the CIB for a command.
 * @param client the command's name, recorded as the origin of the change
 * @param initial the CIB to change when there is none yet; without it that is an error
 * @throws RehomeError as CibStore.update
 */
export async function changeCib(
  paths: ClusterPaths,
  client: string,
  edit: Edit,
  initial?: () => XmlElement,
): Promise<ChangeResult> {
  let changed = false;
  const cib = await fileCib(paths, { client, ...(initial && { initial }) }).update((before) => {
    const after = edit(before);
    changed = after !== before;
    return after;
  });
  const { admin_epoch: admin = "0", epoch = "0", num_updates: updates = "0" } = cib.attributes;
  return { changed, version: `${admin}.${epoch}.${updates}`, runtime: (await runtimeOf(paths)) !== undefined };
}

/** The runtime that keeps a cluster; undefined when none does. @throws RehomeError runtime-unreachable */
export async function runtimeOf(
  paths: ClusterPaths,
): Promise<{ readonly pid: number; readonly node: string } | undefined> {
  try {
    const answer = await ask(paths.socket, { tool: "rehome", argv: ["ping"], env: {} });
    return JSON.parse(answer.stdout) as { pid: number; node: string };
  } catch (thrown) {
    if (thrown instanceof RehomeError && thrown.code === "runtime-not-running") return undefined;
    throw thrown;
  }
}

/** A change as a line for a person. */
export function changeText(what: string, result: ChangeResult): string {
  if (!result.changed) return `nothing to do: ${what} already`;
  return result.runtime ? what : `${what}; no runtime is running, it will act on this when it is started`;
}
