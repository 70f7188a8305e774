import { readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { guestStore, type GuestRecord, type GuestStore } from "../../../../src/migrators/guest-store.js";
import { LEDGER_PORT } from "../../../helpers/server-image.js";
import { rehome, type Ran } from "../../../helpers/rehome.js";
import { XEN_GUESTS } from "../../images/xen.js";
import type { ClusterLab } from "./finished.js";
import { runDisturbed, type Disturbance, type Ended } from "../../../helpers/own-process.js";

/** What is to be moved, as rehome.yaml has it. */
interface Sources {
  readonly sources: Readonly<Record<string, object>>;
  readonly guests: Readonly<Record<string, object>>;
}

/** Machines under emulation boot slowly, and a cluster of such machines runs them once more slowly. */
const BOOT_TIMEOUT = "20min";

/** Whether a record of a guest's journal is the beginning of a step of its cutover. */
export function begins(step: string): (record: GuestRecord) => boolean {
  return (record) => record.type === "step" && record.event === "started" && record.step === step;
}

/** Machines of the lab, to be moved onto the lab's cluster by the product's own commands. */
export class Move {
  private constructor(
    readonly cluster: ClusterLab,
    /** rehome.yaml with what is to be moved and the cluster's section. */
    readonly config: string,
  ) {}

  /** The physical server, as guest `phys`. */
  static ofServer(cluster: ClusterLab): Promise<Move> {
    return Move.prepare(cluster, "phys", (login) => ({
      sources: { phys: login },
      guests: { phys: { source: "phys", memory: "512MiB", vcpus: 1, bootTimeout: BOOT_TIMEOUT } },
    }));
  }

  /** The domains of the Xen host, under their own names. @param config the path of the rehome.yaml that is written */
  static ofDomains(cluster: ClusterLab, config?: string): Promise<Move> {
    const describe = (login: object): Sources => ({
      sources: Object.fromEntries(
        XEN_GUESTS.map(({ name }) => [name, { kind: "xen", domain: name, shutdownTimeout: "10min", ...login }]),
      ),
      guests: Object.fromEntries(
        XEN_GUESTS.map(({ name, address }) => [
          name,
          { source: name, checks: [{ tcp: `${address}:${LEDGER_PORT}` }], bootTimeout: BOOT_TIMEOUT },
        ]),
      ),
    });
    return Move.prepare(cluster, "dom0", describe, config);
  }

  /**
   * Switches the machine on, and writes rehome.yaml with what is to be moved beside the cluster's. What is remembered of
   * the guests is forgotten: their volumes are gone.
   */
  private static async prepare(
    cluster: ClusterLab,
    name: string,
    describe: (login: object) => Sources,
    config = join(dirname(cluster.config), "move.yaml"),
  ): Promise<Move> {
    await cluster.lab.up(name);
    const machine = cluster.machine(name);
    const { identity, knownHosts } = machine;
    const described = JSON.parse(await readFile(cluster.config, "utf8")) as object;
    const login = { address: `root@${machine.address()}`, identity, knownHosts };
    const sources = describe(login);
    await writeFile(config, JSON.stringify({ ...described, ...sources }));
    const move = new Move(cluster, config);
    for (const guest of Object.keys(sources.guests)) {
      await rm(move.store(guest).folder, { recursive: true, force: true });
    }
    return move;
  }

  /** Runs a command of the product that must succeed. @returns what it prints with --json, and all that it said */
  async run<T>(command: string, ...argv: readonly string[]): Promise<T> {
    const { status, stdout, stderr } = await this.tryRun(command, ...argv);
    if (status !== 0) throw new Error(`rehome ${command} ${argv.join(" ")}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  /** Runs a command on a guest in a process of its own, and does something to it by what stands in the guest's journal. */
  disturbed(
    guest: string,
    command: string,
    at: Disturbance<GuestRecord>["at"],
    disturb: Disturbance<GuestRecord>["disturb"],
  ): Promise<Ended<GuestRecord>> {
    const journal = (): Promise<readonly GuestRecord[]> => this.records(guest);
    return runDisturbed([command, guest, "--config", this.config, "--json"], { journal, at, disturb });
  }

  /** What is remembered of the guest. */
  store(guest: string): GuestStore {
    return guestStore(join(dirname(this.config), "state"), guest);
  }

  /** The guest's journal. */
  records(guest: string): Promise<readonly GuestRecord[]> {
    return this.store(guest).records();
  }

  tryRun(command: string, ...argv: readonly string[]): Promise<Ran> {
    return rehome(command, ...argv, "--config", this.config, "--json");
  }
}
