import type { XmlElement } from "../lib/xml.js";
import { versionOf } from "./cib/version.js";
import type { Edit } from "./cib/tree.js";
import type { Cluster, Keeper, Updated } from "./types.js";

/** What became of a change that an administrator asked for. */
export interface ChangeResult {
  /** False when the CIB said so already. */
  readonly changed: boolean;
  /** The CIB's version afterwards: `admin_epoch.epoch.num_updates`. */
  readonly version: string;
  /** Who acts on the change now; null when nobody does. */
  readonly keeper: Keeper | null;
}

/** Changes the CIB for a command. @throws RehomeError as Cluster.update */
export async function changeCib(cluster: Cluster, edit: Edit): Promise<ChangeResult> {
  return changeResult(cluster, await cluster.update(edit));
}

export async function changeResult(cluster: Cluster, { cib, changed }: Updated): Promise<ChangeResult> {
  return { changed, version: versionOf(cib), keeper: (await cluster.keeper()) ?? null };
}

/** What a dry run says instead: nothing is changed, and nobody acts. */
export function unchanged(cib: XmlElement): ChangeResult {
  return { changed: false, version: versionOf(cib), keeper: null };
}

/** A change as a line for a person. */
export function changeText(what: string, { changed, keeper }: ChangeResult): string {
  if (!changed) return `nothing to do: ${what} already`;
  if (keeper === null) return `${what}; no runtime is running, it will act on this when it is started`;
  return what;
}
