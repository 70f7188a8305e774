import { appendFile, copyFile, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { RehomeError } from "../../src/lib/errors.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";
import type { Host } from "../../src/lib/host/types.js";
import { accelerator } from "../helpers/accelerator.js";
import { nodeImage, type NodeImage } from "./images/node.js";
import { startBmc } from "./machine/bmc.js";
import { writeIdentity } from "./machine/identity.js";
import { Machine } from "./machine/machine.js";
import { FILES, qemuArgv, startScript } from "./machine/qemu.js";
import { MACHINES, machineSpec } from "./machines.js";
import type { MachineSpec } from "./types.js";
import { findWorld, isInside, worldHost, type World } from "./world/world.js";

/** An emulated machine with others beside it, on two busy cores. */
const BOOT_MS = 10 * 60_000;

/** The lab as tests use it: its machines, over ssh and at their plugs. */
export class Lab {
  readonly folder: string;
  readonly world: Host;
  readonly #machines = new Map<string, Machine>();
  readonly #log: (line: string) => void;

  private constructor(world: World, log: (line: string) => void) {
    this.folder = world.folder;
    this.world = worldHost(world);
    this.#log = log;
  }

  /**
   * The lab that this process runs in: `npm run lab` and `npm run lab:test` put it there.
   * @throws RehomeError usage when it runs elsewhere
   */
  static async open(log: (line: string) => void = () => undefined): Promise<Lab> {
    const world = await findWorld();
    if (world === undefined || !isInside(world)) {
      throw new RehomeError("usage", "this is not the lab's network", { remedy: "start it with npm run lab:test" });
    }
    const lab = new Lab(world, log);
    for (const name of await lab.#madeNames()) lab.#add(machineSpec(name));
    return lab;
  }

  /** The machines that were made, on or off, in the order of machines.ts. */
  get machines(): readonly Machine[] {
    return MACHINES.flatMap(({ name }) => this.#machines.get(name) ?? []);
  }

  /** @throws RehomeError usage when it was not made: see `up` */
  machine(name: string): Machine {
    const found = this.#machines.get(machineSpec(name).name);
    if (found !== undefined) return found;
    throw new RehomeError("usage", `${name} is not up`, { remedy: `npm run lab -- up ${name}` });
  }

  /** Makes the machines that there are not yet, switches all of them on, and waits until each answers ssh. */
  async up(...names: readonly string[]): Promise<void> {
    const specs = names.map(machineSpec);
    const image = await nodeImage(this.#log);
    for (const spec of specs) if (!this.#machines.has(spec.name)) await this.#make(spec, image);
    const startedAt = Date.now();
    const machines = specs.map(({ name }) => this.machine(name));
    await Promise.all(
      machines.map(async (machine) => {
        await machine.powerOn();
        await machine.waitForSsh(BOOT_MS);
        this.#log(`${machine.name} answers ssh after ${Math.round((Date.now() - startedAt) / 1000)} s`);
      }),
    );
  }

  /** Lets go of the connections; the machines run on. */
  async close(): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine.close()));
  }

  async #make(spec: MachineSpec, image: NodeImage): Promise<void> {
    const folder = join(this.folder, spec.name);
    await rm(folder, { recursive: true, force: true });
    await mkdir(folder);
    const host = localHost();
    const create = ["qemu-img", "create", "-q", "-f", "qcow2"];
    await runChecked(host, [...create, "-F", "raw", "-b", image.rootDisk, join(folder, FILES.root)]);
    for (const [index, size] of spec.dataDisks.entries()) {
      await runChecked(host, [...create, join(folder, FILES.data(index)), `${size}`]);
    }
    await copyFile(image.identity, join(folder, FILES.identity));
    const hostKey = await writeIdentity(spec, image.initrd, join(folder, FILES.initrd));
    await appendFile(this.#knownHosts, `${spec.nics[0]?.address ?? ""},${spec.name} ${hostKey}\n`);
    await writeFile(join(folder, FILES.start), startScript(qemuArgv(spec, folder, image.kernel, await accelerator())));
    await startBmc(this.world, spec, folder);
    await appendFile(this.#made, `${spec.name}\n`); // only now it is whole
    this.#add(spec);
  }

  #add(spec: MachineSpec): void {
    const folder = join(this.folder, spec.name);
    const access = { folder, knownHosts: this.#knownHosts, world: this.world };
    this.#machines.set(spec.name, new Machine(spec, access));
  }

  async #madeNames(): Promise<readonly string[]> {
    const text = await readFile(this.#made, "utf8").catch(() => "");
    return text.split("\n").filter((name) => name !== "");
  }

  get #knownHosts(): string {
    return join(this.folder, "known_hosts");
  }

  get #made(): string {
    return join(this.folder, "made");
  }
}
