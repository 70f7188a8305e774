import { Args } from "@oclif/core";
import { BaseCommand, configFlags, sourceFlags } from "../lib/view/base-command.js";
import { connectSource } from "../migrators/connect.js";
import { describeMachine } from "../migrators/describe/machine.js";
import { loginFlags, loginOptions, typedLogin } from "../lib/view/login-flags.js";
import { migratorOf } from "../migrators/registry.js";
import { findSource } from "../migrators/source.js";
import type { Machine } from "../migrators/types.js";

export default class Inspect extends BaseCommand {
  static override summary = "Show what a machine is: disks, boot, network, and what could not be found out.";
  static override description =
    "Logs in by SSH and reads; nothing is installed and nothing is changed there. Root's rights are needed to see all.";
  static override examples = [
    { description: "A machine, by its address", command: "<%= config.bin %> inspect root@192.0.2.10" },
    { description: "With sudo, on another port", command: "<%= config.bin %> inspect admin@web1:2222 --sudo" },
    { description: "A source of rehome.yaml, for a program", command: "<%= config.bin %> inspect old-web --json" },
  ];
  static override args = {
    source: Args.string({ description: "user@host[:port], or the name of a source in rehome.yaml", required: true }),
  };
  static override flags = { ...configFlags, ...sourceFlags, ...loginFlags };

  async run(): Promise<Machine> {
    const { args, flags } = await this.parse(Inspect);
    const { name, source } = await findSource(args.source, flags.config, loginOptions(flags));
    const host = await connectSource(name, source, {
      acceptNewHostKey: flags["accept-new-host-key"],
      signal: this.signal,
    });
    try {
      const machine = await migratorOf(source.kind).inspect(host, this.signal);
      this.print(describeMachine(machine));
      this.suggest(
        args.source.includes("@") ? `rehome init --source ${args.source}${typedLogin(flags)}` : "rehome plan",
      );
      return machine;
    } finally {
      await host.close();
    }
  }
}
