import { Args } from "@oclif/core";
import { connectSource } from "../migrators/connect.js";
import { openGuest, openGuests } from "../migrators/session.js";
import { describeRehearsal } from "../migrators/rehearsal/gate.js";
import { overviewOf, type GuestOverview } from "../migrators/status.js";
import { BaseCommand, configFlags, type FailedGuest } from "../lib/view/base-command.js";
import type { JsonError } from "../lib/view/error-json.js";
import { table } from "../lib/view/table.js";
import { asRehomeError } from "../lib/errors.js";
import { formatDuration, formatSize } from "../lib/units.js";

interface Guests {
  readonly guests: readonly GuestOverview[];
  /** Guests whose journal cannot be read, and why. */
  readonly unknown?: Readonly<Record<string, JsonError>>;
}

export default class Status extends BaseCommand {
  static override summary = "Where each guest is on its way, which copy of it counts, and what to type next.";
  static override examples = [
    { description: "All guests", command: "<%= config.bin %> status" },
    { description: "One guest", command: "<%= config.bin %> status web1" },
  ];
  static override args = { guest: Args.string({ description: "name of a guest in rehome.yaml" }) };
  static override flags = { ...configFlags };

  async run(): Promise<Guests> {
    const { args, flags } = await this.parse(Status);
    const options = { configPath: flags.config, connect: connectSource };
    const sessions =
      args.guest === undefined ? await openGuests(options) : [await openGuest({ ...options, guest: args.guest })];
    const unknown: FailedGuest[] = [];
    const guests: GuestOverview[] = [];
    for (const { guest, guestConfig, store } of sessions) {
      try {
        guests.push(overviewOf(guest, guestConfig.source, await store.records()));
      } catch (thrown) {
        if (sessions.length === 1) throw thrown;
        unknown.push({ guest, error: asRehomeError(thrown) }); // the others are there to be seen all the same
      }
    }
    this.print(
      table(
        ["guest", "state", "size", "passes", "last changed", "downtime"],
        guests.map((one) => [
          one.guest,
          one.state,
          one.size === undefined ? "-" : formatSize(one.size),
          String(one.passes),
          one.lastPassWritten === undefined ? "-" : formatSize(one.lastPassWritten),
          one.predictedDowntimeMs === undefined ? "-" : `about ${formatDuration(one.predictedDowntimeMs)}`,
        ]),
        { right: [2, 3, 4] },
      ),
    );
    for (const one of guests) {
      this.print(`\n${one.guest}: the ${one.authoritative} counts (${one.because})`);
      if (one.rehearsal !== undefined) this.print(`  ${describeRehearsal(one.rehearsal, Date.now())}`);
      for (const { disk, snapshot, since } of one.onSource) {
        this.print(`  on ${one.source}: snapshot ${snapshot} of ${disk}, since ${new Date(since).toISOString()}`);
      }
      this.print(`  next: ${one.next}`);
    }
    const said = this.sayFailed(unknown);
    return unknown.length === 0 ? { guests } : { guests, unknown: said };
  }
}
