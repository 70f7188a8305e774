import type { Distribution } from "../types.js";
import { readText } from "./text.js";
import type { GuestFilesystem } from "./types.js";

/** The guest's distribution: os-release(5), or the file that a Debian before 7 has in its place. */
export async function readDistribution(files: GuestFilesystem): Promise<Distribution> {
  const text = (await readText(files, "/etc/os-release")) ?? (await readText(files, "/usr/lib/os-release"));
  if (text !== undefined) return parseOsRelease(text);
  const debian = await readText(files, "/etc/debian_version");
  if (debian === undefined) return { id: "unknown", version: "", name: "an unknown system" };
  return { id: "debian", version: debian.trim(), name: `Debian ${debian.trim()}` };
}

function parseOsRelease(text: string): Distribution {
  const value = (key: string): string | undefined => new RegExp(`^${key}=(["']?)(.*)\\1\\s*$`, "m").exec(text)?.[2];
  const id = value("ID") ?? "unknown";
  return { id, version: value("VERSION_ID") ?? "", name: value("PRETTY_NAME") ?? value("NAME") ?? id };
}
