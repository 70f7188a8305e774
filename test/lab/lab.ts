import { appendFile, readFile } from "node:fs/promises";
import { join } from "node:path";
import { RehomeError } from "../../src/lib/errors.js";
import type { Host } from "../../src/lib/host/types.js";
import { startBmc } from "./machine/bmc.js";
import { Machine } from "./machine/machine.js";
import { BOOTED, BOOT_MS, makeMachine } from "./machine/make.js";
import { FILES } from "./machine/qemu.js";
import { MACHINES, machineSpec } from "./machines.js";
import type { MachineSpec } from "./types.js";
import { findWorld, isInside, worldHost, type World } from "./world/world.js";

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
    const startedAt = Date.now();
    await Promise.all(
      names.map(machineSpec).map(async (spec) => {
        const isNew = !this.#machines.has(spec.name);
        if (isNew) await this.#make(spec);
        const machine = this.machine(spec.name);
        await (isNew ? machine.powerOn(BOOTED) : machine.powerOn());
        const stoodStill = (await machine.runState()) !== "running";
        if (stoodStill) await machine.thaw();
        await machine.waitForSsh(BOOT_MS);
        if (stoodStill) await machine.setClock();
        this.#log(`${machine.name} answers ssh after ${Math.round((Date.now() - startedAt) / 1000)} s`);
      }),
    );
  }

  /** Lets go of the connections; the machines run on. */
  async close(): Promise<void> {
    await Promise.all(this.machines.map((machine) => machine.close()));
  }

  async #make(spec: MachineSpec): Promise<void> {
    const folder = join(this.folder, spec.name);
    await makeMachine(spec, { folder, world: this.world, log: this.#log });
    await startBmc(this.world, spec, folder);
    await appendFile(this.knownHosts, await readFile(join(folder, FILES.knownHosts)));
    await appendFile(this.#made, `${spec.name}\n`); // only now it is whole
    this.#add(spec);
  }

  #add(spec: MachineSpec): void {
    this.#machines.set(spec.name, new Machine(spec, { folder: join(this.folder, spec.name), world: this.world }));
  }

  async #madeNames(): Promise<readonly string[]> {
    const text = await readFile(this.#made, "utf8").catch(() => "");
    return text.split("\n").filter((name) => name !== "");
  }

  /** known_hosts file with the host keys of all its machines. */
  get knownHosts(): string {
    return join(this.folder, "known_hosts");
  }

  get #made(): string {
    return join(this.folder, "made");
  }
}
