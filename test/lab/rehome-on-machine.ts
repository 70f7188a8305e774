import { spawn } from "node:child_process";
import { once } from "node:events";
import { pipeline } from "node:stream/promises";
import { fileURLToPath } from "node:url";
import { RehomeError } from "../../src/lib/errors.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import type { Machine } from "./machine/machine.js";

const ROOT = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");
const FOLDER = "/opt/rehome";

/** How rehome is called on a machine that has it. */
export const REHOME_THERE = [`${FOLDER}/node`, `${FOLDER}/bin/run.js`] as const;

/**
 * Puts this checkout on a machine, built, with what it needs at run time and this machine's Node: Debian 12 has an older
 * one. The machine is on no network that it could be installed from.
 */
export async function installRehome(machine: Machine): Promise<void> {
  await runChecked(localHost(), ["npm", "--prefix", ROOT, "run", "build"], { timeoutMs: 300_000 });
  const listed = await runChecked(localHost(), [
    ...["npm", "--prefix", ROOT, "ls", "--omit=dev", "--all", "--parseable"],
  ]);
  const modules = listed
    .split("\n")
    .filter((path) => path.startsWith(`${ROOT}/`))
    .map((path) => path.slice(ROOT.length + 1));
  const [node, folder] = [process.execPath.split("/").at(-1) ?? "node", process.execPath.replace(/\/[^/]+$/, "")];
  const tar = spawn(
    "tar",
    [
      ...["--create", "--gzip", "--file", "-", "--directory", ROOT, "package.json", "bin", "dist", "templates"],
      ...modules,
      ...["--directory", folder, node],
    ],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const host = await machine.host();
  await runChecked(host, ["mkdir", "-p", FOLDER]);
  const there = await host.start(["tar", "--extract", "--gzip", "--file", "-", "--directory", FOLDER]);
  there.stdout.resume();
  there.stderr.resume();
  const packed = once(tar, "close") as Promise<[number | null]>;
  await pipeline(tar.stdout, there.stdin);
  const codes = [(await packed)[0], await there.exited];
  if (codes.some((code) => code !== 0)) {
    throw new RehomeError("command-failed", `rehome could not be copied (tar ended with ${codes.join(", ")})`, {
      machine: machine.name,
    });
  }
}
