import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { rehome, type Ran } from "../../../helpers/rehome.js";
import type { ClusterLab } from "./finished.js";

/** The lab's physical server, to be moved onto the lab's cluster by the product's own commands. */
export class ServerMove {
  private constructor(
    readonly cluster: ClusterLab,
    private readonly config: string,
  ) {}

  /** Switches the server on, and writes rehome.yaml with it beside the cluster's. */
  static async prepare(cluster: ClusterLab): Promise<ServerMove> {
    await cluster.lab.up("phys");
    const phys = cluster.machine("phys");
    const config = join(dirname(cluster.config), "move.yaml");
    const described = JSON.parse(await readFile(cluster.config, "utf8")) as object;
    const source = { address: `root@${phys.address()}`, identity: phys.identity, knownHosts: phys.knownHosts };
    const guest = { source: "phys", memory: "512MiB", vcpus: 1, bootTimeout: "20min" };
    await writeFile(config, JSON.stringify({ ...described, sources: { phys: source }, guests: { phys: guest } }));
    return new ServerMove(cluster, config);
  }

  /** Runs a command of the product that must succeed. @returns what it prints with --json, and all that it said */
  async run<T>(command: string, ...argv: readonly string[]): Promise<T> {
    const { status, stdout, stderr } = await this.tryRun(command, ...argv);
    if (status !== 0) throw new Error(`rehome ${command} ${argv.join(" ")}: ${stdout}${stderr}`);
    return JSON.parse(stdout) as T;
  }

  tryRun(command: string, ...argv: readonly string[]): Promise<Ran> {
    return rehome(command, ...argv, "--config", this.config, "--json");
  }
}
