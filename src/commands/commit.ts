import { Args } from "@oclif/core";
import { connectSource } from "../migrators/connect.js";
import { commit } from "../migrators/cutover/index.js";
import { openGuest } from "../migrators/session.js";
import { overviewOf } from "../migrators/status.js";
import { BaseCommand, configFlags } from "../lib/view/base-command.js";

export default class Commit extends BaseCommand {
  static override summary = "Make a cutover final: the source is no longer needed.";
  static override description = `After this there is no rollback. Nothing on the source is touched but the snapshots by which rehome followed its changes,
which are removed.`;
  static override examples = [{ description: "Keep the guest", command: "<%= config.bin %> commit web1" }];
  static override args = { guest: Args.string({ description: "name of the guest in rehome.yaml", required: true }) };
  static override flags = { ...configFlags };

  async run(): Promise<{ guest: string; state: "committed"; leftOnSource?: string }> {
    const { args, flags } = await this.parse(Commit);
    const session = await openGuest({ configPath: flags.config, guest: args.guest, connect: connectSource });
    const { leftOnSource } = await commit(session);
    this.print(`${args.guest} is committed; its source may be retired`);
    if (leftOnSource !== undefined) this.print(leftOnSource);
    this.suggest(overviewOf(args.guest, session.guestConfig.source, await session.store.records()).next);
    return { guest: args.guest, state: "committed", ...(leftOnSource !== undefined && { leftOnSource }) };
  }
}
