import { existsSync } from "node:fs";
import { readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { RehomeError } from "../../lib/errors.js";
import { makeFolder } from "../../lib/folder.js";
import { acquireLock } from "../../lib/lock.js";
import { descendantsOf, type XmlElement } from "../../lib/xml.js";
import { readCib } from "../cib/store.js";
import { findPath } from "../cib/tree.js";
import type { ClusterPaths } from "../paths.js";

/** The runtime's CIB on its way into a cluster. */
export interface Source {
  readonly cib: XmlElement;
  readonly path: string;
  /** It was set aside already: an earlier run began, and this one goes on. */
  readonly begun: boolean;
}

/** Where a graduation keeps what it needs: its journal and lock, and the runtime's CIB, set aside. */
export function graduateFolder(paths: ClusterPaths): string {
  return join(dirname(paths.cib), "graduate");
}

function setAsidePath(paths: ClusterPaths): string {
  return join(graduateFolder(paths), "cib.xml");
}

/** @throws RehomeError graduate-blocked when there is nothing to load; xml-malformed, cib-invalid */
export async function readSource(paths: ClusterPaths): Promise<Source> {
  const aside = setAsidePath(paths);
  const begun = existsSync(aside);
  const path = begun ? aside : paths.cib;
  if (!existsSync(path)) {
    throw new RehomeError("graduate-blocked", "the bundled runtime has no CIB here", {
      path,
      remedy: "there is nothing to load; name another state folder with --state if it is elsewhere",
    });
  }
  const cib = await readCib(path);
  if (resourceIds(cib).length > 0) return { cib, path, begun };
  throw new RehomeError("graduate-blocked", "the runtime's CIB has no resources", {
    path,
    remedy: "there is nothing to load",
  });
}

/** The runtime's CIB as an earlier run has kept it, when there is nothing to be handed over any more. */
export async function handedOver(paths: ClusterPaths): Promise<string | undefined> {
  if (existsSync(setAsidePath(paths)) || existsSync(paths.cib)) return undefined;
  const files = await readdir(graduateFolder(paths)).catch(() => []);
  const last = files
    .filter((name) => name.startsWith("cib-"))
    .sort()
    .at(-1);
  return last === undefined ? undefined : join(graduateFolder(paths), last);
}

/** What a runtime that is started by mistake would keep again; empty while the CIB is set aside. */
export async function keptAgain(paths: ClusterPaths, ids: readonly string[]): Promise<readonly string[]> {
  if (!existsSync(paths.cib)) return [];
  const found = resourceIds(await readCib(paths.cib));
  return ids.filter((id) => found.includes(id));
}

/** Takes the CIB away from the runtime: started by mistake, it has no resources. @throws RehomeError locked */
export async function setAside(paths: ClusterPaths): Promise<string> {
  const aside = setAsidePath(paths);
  await makeFolder(graduateFolder(paths), 0o700);
  const lock = await acquireLock(paths.cibLock, "rehome cluster graduate");
  try {
    await rename(paths.cib, aside);
  } finally {
    await lock.release();
  }
  return aside;
}

/** The CIB that was set aside gets a name of its own: nothing is left to be gone on with. @returns its path */
export async function archive(paths: ClusterPaths, at: Date): Promise<string> {
  const path = join(graduateFolder(paths), `cib-${at.toISOString().slice(0, 19).replaceAll(":", "")}Z.xml`);
  await rename(setAsidePath(paths), path);
  return path;
}

function resourceIds(cib: XmlElement): readonly string[] {
  const resources = findPath(cib, ["configuration", "resources"]);
  const primitives = resources === undefined ? [] : descendantsOf(resources, "primitive");
  return primitives.map(({ attributes }) => attributes["id"] ?? "");
}
