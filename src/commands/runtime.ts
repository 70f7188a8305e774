import { hostname } from "node:os";
import { Flags } from "@oclif/core";
import { BaseCommand, runtimeFlags } from "../lib/view/base-command.js";

export default class Runtime extends BaseCommand {
  static override description = `Keep the guests and other resources of a CIB running on this machine.

Runs in the foreground until SIGTERM or Ctrl-C. Resources are probed first, then started, monitored, and recovered as
the CIB says. When it ends, resources go on running unless --stop-resources is given; the next start finds them again.
While it runs, the CIB's status section tells how things stand: rehome cluster status, or crm_mon with CIB_file.`;
  static override examples = [
    "<%= config.bin %> <%= command.id %>",
    "<%= config.bin %> <%= command.id %> --state /var/lib/rehome --node host1",
  ];
  static override flags = {
    ...runtimeFlags,
    node: Flags.string({
      description: "this machine's name in the CIB",
      helpValue: "NAME",
      default: () => Promise.resolve(hostname()),
    }),
    "stop-resources": Flags.boolean({ description: "stop all resources when the runtime ends", default: false }),
  };

  async run(): Promise<{ ended: true }> {
    const { flags } = await this.parse(Runtime);
    const [{ bundledPaths }, { runRuntime }, { schedule }, { eventLines }] = await Promise.all([
      import("../cluster/choose.js"),
      import("../cluster/runtime/daemon.js"),
      import("../cluster/scheduler/index.js"),
      import("../cluster/runtime/log-text.js"),
    ]);
    await runRuntime({
      paths: await bundledPaths(flags),
      nodeName: flags.node,
      schedule,
      signal: this.signal,
      stopResources: flags["stop-resources"],
      log: (event) => {
        const at = new Date().toISOString();
        if (this.jsonEnabled()) process.stdout.write(`${JSON.stringify({ at, ...event })}\n`);
        else this.print(eventLines(event).map((line) => `${at} ${line}`));
      },
    });
    return { ended: true };
  }
}
