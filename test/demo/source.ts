import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { RehomeError } from "../../src/lib/errors.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import { SERVER_ADDRESS, type ServerImage } from "../helpers/server-image.js";
import { makeOverlay } from "../helpers/overlay.js";
import type { Accelerator } from "../helpers/accelerator.js";

/** The server that is moved: its files, how it is reached, how it is switched on and off. */
export interface Source {
  /** Of its disks, its console log and its process id. */
  readonly folder: string;
  readonly identity: string;
  readonly knownHosts: string;
  readonly powerOn: readonly string[];
  readonly powerOff: readonly string[];
}

/** Puts overlays over the image's disks, so that the image never changes, and writes the known_hosts file. */
export async function prepareSource(work: string, image: ServerImage, accel: Accelerator): Promise<Source> {
  const host = localHost();
  const folder = join(work, "source");
  await mkdir(folder);
  for (const [name, backing] of [
    ["root", image.rootDisk],
    ["data", image.dataDisk],
  ] as const) {
    await makeOverlay(backing, join(folder, `${name}.qcow2`));
  }
  await host.writeFile(join(folder, "tap-up"), await host.readFile(script("tap-up.sh")), 0o755);
  const knownHosts = join(work, "known_hosts");
  await host.writeFile(knownHosts, `${SERVER_ADDRESS} ${image.hostKey}\n`);
  return {
    folder,
    identity: image.identity,
    knownHosts,
    powerOn: ["sh", script("power-on.sh"), work, accel],
    powerOff: ["sh", script("power-off.sh"), work],
  };
}

/** The ssh command line for a program on the server, with its host key checked. */
export function sshArgv(source: Source, command: string): readonly string[] {
  const options = [
    "BatchMode=yes",
    "ConnectTimeout=5",
    "StrictHostKeyChecking=yes",
    `UserKnownHostsFile=${source.knownHosts}`,
  ];
  return [
    "ssh",
    "-i",
    source.identity,
    ...options.flatMap((option) => ["-o", option]),
    `root@${SERVER_ADDRESS}`,
    command,
  ];
}

/** Runs a command line on the server, which must succeed. */
export async function onServer(source: Source, command: string): Promise<string> {
  return runChecked(localHost("web1"), sshArgv(source, command), { timeoutMs: 60_000 });
}

/** @returns ms until ssh answered */
export async function waitForSsh(source: Source, limitMs: number): Promise<number> {
  const startedAt = Date.now();
  for (;;) {
    const result = await localHost().run(sshArgv(source, "true"), { timeoutMs: 60_000 });
    if (result.exitCode === 0) return Date.now() - startedAt;
    if (Date.now() - startedAt > limitMs) throw await silentServer(source, result.stderr.trim());
    await new Promise((resolve) => setTimeout(resolve, 500));
  }
}

/** Why a server that was switched on does not answer stands on its console. */
async function silentServer(source: Source, ssh: string): Promise<RehomeError> {
  const path = join(source.folder, "console.log");
  const console = await readFile(path, "latin1").catch(() => "");
  const lines = console
    .replace(/[^\n\x20-\x7e]/g, "")
    .trimEnd()
    .split("\n");
  return new RehomeError("command-timeout", `web1 does not answer ssh: ${ssh}`, {
    path,
    output: lines.slice(-25).join("\n"),
  });
}

function script(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** Whether the server that is moved, and not its guest, has power. */
export async function isSwitchedOn(work: string): Promise<boolean> {
  const pid = (await readFile(join(work, "source/pid"), "utf8").catch(() => "")).trim();
  if (pid === "") return false;
  const result = await localHost().run(["test", "-e", `/proc/${pid}/exe`]);
  return result.exitCode === 0;
}
