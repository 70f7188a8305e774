import { writeFile } from "node:fs/promises";
import { join } from "node:path";

/** Writes a rehome.yaml with two guests, db1 and web1, of which nothing is remembered, of sources that nobody reaches. @returns its path */
export async function writeTwoGuests(folder: string): Promise<string> {
  const config = join(folder, "rehome.yaml");
  await writeFile(
    config,
    `version: 1
sources: { old: { address: "root@127.0.0.1:1" }, db: { address: "root@127.0.0.1:2" } }
target: { volumes: ${folder}/volumes, state: ${folder}/state, libvirt: "test:///default" }
guests: { db1: { source: db }, web1: { source: old } }
`,
  );
  return config;
}
