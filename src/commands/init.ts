import { Flags } from "@oclif/core";
import { BaseCommand, configFlags, sourceFlags } from "../lib/view/base-command.js";
import { loginFlags, loginOptions } from "../lib/view/login-flags.js";
import { connectSource } from "../migrators/connect.js";
import { migratorOf } from "../migrators/registry.js";
import { sourceAt, type LoginOptions } from "../migrators/source.js";
import { renderStarter, requireAbsent, writeStarter, type StarterSource } from "../migrators/starter.js";

export default class Init extends BaseCommand {
  static override summary = "Write a commented rehome.yaml to begin with.";
  static override description =
    "With --source the file describes that machine. A file that is there is never overwritten.";
  static override examples = [
    { description: "An example to fill in", command: "<%= config.bin %> init" },
    { description: "With a server's own figures", command: "<%= config.bin %> init --source root@192.0.2.10" },
  ];
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    ...loginFlags,
    source: Flags.string({ description: "inspect this machine first", helpValue: "USER@HOST" }),
  };

  async run(): Promise<{ readonly path: string; readonly hostname?: string }> {
    const { flags } = await this.parse(Init);
    await requireAbsent(flags.config);
    const source =
      flags.source === undefined
        ? undefined
        : await this.inspectSource(flags.source, loginOptions(flags), flags["accept-new-host-key"]);
    await writeStarter(flags.config, await renderStarter(source));
    this.print(`wrote ${flags.config}`);
    this.suggest(source === undefined ? `edit ${flags.config}, then rehome plan` : "rehome plan");
    return { path: flags.config, ...(source !== undefined && { hostname: source.machine.hostname }) };
  }

  private async inspectSource(address: string, login: LoginOptions, acceptNewHostKey: boolean): Promise<StarterSource> {
    const { name, source } = sourceAt(address, login);
    const host = await connectSource(name, source, { acceptNewHostKey, signal: this.signal });
    try {
      return { address, login, machine: await migratorOf(source.kind).inspect(host, source, this.signal) };
    } finally {
      await host.close();
    }
  }
}
