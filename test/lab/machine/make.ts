import { copyFile, mkdir, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import type { Host } from "../../../src/lib/host/types.js";
import { accelerator } from "../../helpers/accelerator.js";
import { contentKey } from "../../helpers/cache.js";
import { cachedImage } from "../../helpers/image-cache.js";
import { nodeImage, type NodeImage } from "../images/node.js";
import type { MachineSpec } from "../types.js";
import { identityFiles, writeIdentity } from "./identity.js";
import { Machine } from "./machine.js";
import { FILES, qemuArgv, startScript } from "./qemu.js";

/** The snapshot of a machine that has just been booted for the first time. */
export const BOOTED = "booted";

/** An emulated machine with others beside it, on two busy cores. */
export const BOOT_MS = 10 * 60_000;

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
  const image = await nodeImage(making.log);
  const booted = await cachedImage(await bootedName(spec, image), async (cached) => {
    making.log(`${spec.name} boots for the first time`);
    await prepare(spec, image, making.folder);
    await bootOnce(spec, making);
    for (const name of KEPT) await copyFile(join(making.folder, name), join(cached, name));
    for (const name of await diskFiles(making.folder)) await copySparse(join(making.folder, name), join(cached, name));
  });
  await emptyFolder(making.folder);
  for (const name of await readdir(booted)) await copySparse(join(booted, name), join(making.folder, name));
  await writeStart(spec, image, making.folder);
}

/** Beside the disks. */
const KEPT = [FILES.initrd, FILES.identity, FILES.knownHosts];

/** Everything that the state of a machine after its boot depends on. */
async function bootedName(spec: MachineSpec, image: NodeImage): Promise<string> {
  const [version] = (await runChecked(localHost(), ["qemu-system-x86_64", "--version"])).split("\n");
  const argv = qemuArgv(spec, "", image.kernel, await accelerator());
  const key = await contentKey([JSON.stringify([image, version, argv, identityFiles(spec)])], []);
  return `booted-${spec.name}-${key}`;
}

async function prepare(spec: MachineSpec, image: NodeImage, folder: string): Promise<void> {
  await emptyFolder(folder);
  const create = ["qemu-img", "create", "-q", "-f", "qcow2"];
  await runChecked(localHost(), [...create, "-F", "raw", "-b", image.rootDisk, join(folder, FILES.root)]);
  for (const [index, size] of spec.dataDisks.entries()) {
    await runChecked(localHost(), [...create, join(folder, FILES.data(index)), `${size}`]);
  }
  const hostKey = await writeIdentity(spec, image.initrd, join(folder, FILES.initrd));
  const addresses = spec.nics.map(({ address }) => address).join(",");
  await writeFile(join(folder, FILES.knownHosts), `${addresses},${spec.name} ${hostKey}\n`);
  await copyFile(image.identity, join(folder, FILES.identity));
  await writeStart(spec, image, folder);
}

async function writeStart(spec: MachineSpec, image: NodeImage, folder: string): Promise<void> {
  const argv = qemuArgv(spec, folder, image.kernel, await accelerator());
  await writeFile(join(folder, FILES.start), startScript(argv));
}

async function bootOnce(spec: MachineSpec, { folder, world }: Making): Promise<void> {
  const machine = new Machine(spec, { folder, world });
  try {
    await machine.powerOn();
    await machine.waitForSsh(BOOT_MS);
    await machine.check(["systemctl", "is-system-running", "--wait"], { timeoutMs: BOOT_MS });
    await machine.check(["sh", "-c", "sync; echo 3 >/proc/sys/vm/drop_caches"]); // less memory to keep
    await machine.close();
    await machine.freeze();
    await machine.monitor(`savevm ${BOOTED}`);
  } finally {
    await machine.cutPower();
  }
}

async function diskFiles(folder: string): Promise<readonly string[]> {
  return (await readdir(folder)).filter((name) => name.endsWith(".qcow2"));
}

async function emptyFolder(folder: string): Promise<void> {
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
}

async function copySparse(from: string, to: string): Promise<void> {
  await runChecked(localHost(), ["cp", "--sparse=always", "--reflink=auto", from, to]);
}
