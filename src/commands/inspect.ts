import { Args, Flags } from "@oclif/core";
import type { SourceConfig } from "../lib/config/schema.js";
import type { Host } from "../lib/host/types.js";
import { reported } from "../lib/report.js";
import { BaseCommand, configFlags, sourceFlags } from "../lib/view/base-command.js";
import { connectSource } from "../migrators/connect.js";
import { describeMachine } from "../migrators/describe/machine.js";
import { loginFlags, loginOptions, typedLogin } from "../lib/view/login-flags.js";
import { migratorOf } from "../migrators/registry.js";
import { findSource } from "../migrators/source.js";
import type { Machine } from "../migrators/types.js";
import { describeXenHost } from "../migrators/describe/xen-host.js";
import { gatherXenHost, isXenHost } from "../migrators/xen/gather.js";
import type { XenHost } from "../migrators/xen/types.js";

/** One domain, and the host that it is on. */
interface InspectedDomain {
  readonly host: XenHost;
  readonly machine: Machine;
}

export default class Inspect extends BaseCommand {
  static override summary = "Show what a machine is: disks, boot, network, and what could not be found out.";
  static override description = `Logs in by SSH and reads; nothing is installed and nothing is changed there. Root's rights are needed to see all.
Of a Xen host (dom0) every domain is listed. With --domain, or for a source of the kind xen, one of them is described
after that, with what is on its disks: they are read from a snapshot, where the volume group has room for one.`;
  static override examples = [
    { description: "A machine, by its address", command: "<%= config.bin %> inspect root@192.0.2.10" },
    { description: "With sudo, on another port", command: "<%= config.bin %> inspect admin@web1:2222 --sudo" },
    { description: "The domains of a Xen host", command: "<%= config.bin %> inspect root@dom0" },
    { description: "One of them", command: "<%= config.bin %> inspect root@dom0 --domain web1" },
    { description: "A source of rehome.yaml, for a program", command: "<%= config.bin %> inspect old-web --json" },
  ];
  static override args = {
    source: Args.string({ description: "user@host[:port], or the name of a source in rehome.yaml", required: true }),
  };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    ...loginFlags,
    domain: Flags.string({ description: "a domain of the Xen host", helpValue: "NAME" }),
  };

  async run(): Promise<Machine | XenHost | InspectedDomain> {
    const { args, flags } = await this.parse(Inspect);
    const { name, source: found } = await findSource(args.source, flags.config, loginOptions(flags));
    const source = flags.domain === undefined ? found : { ...found, kind: "xen" as const, domain: flags.domain };
    const host = await connectSource(name, source, {
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    try {
      if (source.kind === "physical" && (await isXenHost(host))) return await this.showDomains(host, args.source);
      if (source.kind === "xen") return await this.showDomain(host, args.source, source);
      const machine = await migratorOf(source.kind).inspect(host, source, this.signal);
      this.print(describeMachine(machine));
      this.suggest(
        args.source.includes("@") ? `rehome init --source ${args.source}${typedLogin(flags)}` : "rehome plan",
      );
      return machine;
    } finally {
      await host.close();
    }
  }

  /** The list comes at once, a look at a domain's disks takes a while. */
  private async showDomain(host: Host, typed: string, source: SourceConfig): Promise<InspectedDomain> {
    const found = await gatherXenHost(host, this.signal);
    this.print([...describeXenHost(found), ""]);
    const report = this.createReport();
    let machine: Machine;
    try {
      const task = { id: "look", title: `look at the disks of ${source.domain ?? ""}` };
      machine = await reported(report, task, () => migratorOf(source.kind).inspect(host, source, this.signal));
    } finally {
      report.close();
    }
    this.print(describeMachine(machine));
    this.suggest(
      typed.includes("@")
        ? `add a source of kind xen with this address and domain to rehome.yaml, then rehome plan`
        : "rehome plan",
    );
    return { host: found, machine };
  }

  private async showDomains(host: Host, address: string): Promise<XenHost> {
    const found = await gatherXenHost(host, this.signal);
    this.print(describeXenHost(found));
    const [first] = found.domains;
    if (first !== undefined) this.suggest(`rehome inspect ${address} --domain ${first.name}`);
    return found;
  }
}
