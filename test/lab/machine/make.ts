import { copyFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import type { Host } from "../../../src/lib/host/types.js";
import { accelerator } from "../../helpers/accelerator.js";
import { contentKey } from "../../helpers/cache.js";
import { cachedImage, pruneImages } from "../../helpers/image-cache.js";
import type { MachineSpec } from "../types.js";
import { blueprint, type Blueprint } from "./blueprint.js";
import { identityFiles, writeIdentity } from "./identity.js";
import { Machine } from "./machine.js";
import { diskFiles, FILES, qemuArgv, startScript } from "./qemu.js";

const TAP_UP = fileURLToPath(new URL("tap-up.sh", import.meta.url));

/** The snapshot of a machine that has just been booted for the first time. */
export const BOOTED = "booted";

/** An emulated machine with others beside it, on two busy cores. */
export const BOOT_MS = 10 * 60_000;

/** What a machine does once after that, which may be to boot machines that are emulated in an emulated one. */
const FIRST_BOOT_MS = 40 * 60_000;

export interface Making {
  /** Of the machine; is made. */
  readonly folder: string;
  /** Runs programs inside the lab's world. */
  readonly world: Host;
  readonly log: (line: string) => void;
}

/**
 * Makes a machine: all that its folder holds. It is booted once, and its disks are kept in the cache with the snapshot
 * BOOTED; from then on such a machine is there within seconds. Must run in the lab's network.
 */
export async function makeMachine(spec: MachineSpec, making: Making): Promise<void> {
  const from = await blueprint(spec, making.log);
  const prefix = `booted-${spec.name}-`;
  const booted = await cachedImage(`${prefix}${await bootedKey(spec, from)}`, async (cached) => {
    making.log(`${spec.name} boots for the first time`);
    await prepare(spec, from, making.folder);
    await bootOnce(spec, from, making);
    for (const name of await readdir(making.folder)) {
      if (isKept(name)) await copySparse(join(making.folder, name), join(cached, name));
    }
  });
  await emptyFolder(making.folder);
  for (const name of await readdir(booted)) await copySparse(join(booted, name), join(making.folder, name));
  await pruneImages(prefix);
  await writeStart(spec, from, making.folder);
}

function isKept(name: string): boolean {
  const kept: readonly string[] = [FILES.initrd, FILES.identity, FILES.knownHosts];
  return kept.includes(name) || diskFiles([name]).length > 0;
}

/** Everything that the state of a machine after its boot depends on. */
async function bootedKey(spec: MachineSpec, from: Blueprint): Promise<string> {
  const [version] = (await runChecked(localHost(), ["qemu-system-x86_64", "--version"])).split("\n");
  const argv = qemuArgv(spec, from, "", await accelerator());
  return contentKey([JSON.stringify([from, version, argv, identityFiles(spec)])], []);
}

async function prepare(spec: MachineSpec, from: Blueprint, folder: string): Promise<void> {
  await emptyFolder(folder);
  for (const [index, disk] of from.disks.entries()) {
    const backing = "image" in disk ? ["-F", "raw", "-b", disk.image] : [];
    const size = "size" in disk ? [`${disk.size}`] : [];
    const path = join(folder, FILES.disk(index));
    await runChecked(localHost(), ["qemu-img", "create", "-q", "-f", "qcow2", ...backing, path, ...size]);
  }
  const hostKey = from.hostKey ?? (await writeIdentity(spec, from.kernel?.initrd ?? "", join(folder, FILES.initrd)));
  const addresses = spec.nics.map(({ address }) => address).join(",");
  await writeFile(join(folder, FILES.knownHosts), `${addresses},${spec.name} ${hostKey}\n`);
  await copyFile(from.identity, join(folder, FILES.identity));
  await writeStart(spec, from, folder);
}

async function writeStart(spec: MachineSpec, from: Blueprint, folder: string): Promise<void> {
  const argv = qemuArgv(spec, from, folder, await accelerator());
  await writeFile(join(folder, FILES.start), startScript(argv));
  await copyFile(TAP_UP, join(folder, FILES.tapUp));
}

async function bootOnce(spec: MachineSpec, from: Blueprint, { folder, world }: Making): Promise<void> {
  const machine = new Machine(spec, { folder, world });
  try {
    await machine.powerOn();
    await machine.waitForSsh(BOOT_MS);
    await machine.check(["systemctl", "is-system-running", "--wait"], { timeoutMs: BOOT_MS });
    if (spec.kind === "node") await machine.check(IN_TIME, { timeoutMs: BOOT_MS });
    if (from.firstBoot !== undefined) await machine.check(from.firstBoot, { timeoutMs: FIRST_BOOT_MS });
    await machine.check(["sh", "-c", "sync; echo 3 >/proc/sys/vm/drop_caches"]); // less memory to keep
    await machine.close();
    await machine.freeze();
    await machine.monitor(`savevm ${BOOTED}`);
  } finally {
    await machine.cutPower();
  }
}

/** Until chrony keeps the clock to the gateway's, asked every second. */
const IN_TIME = ["chronyc", "waitsync", "60", "0.1", "0", "1"];

async function emptyFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
}

async function copySparse(from: string, to: string): Promise<void> {
  await runChecked(localHost(), ["cp", "--sparse=always", "--reflink=auto", from, to]);
}
