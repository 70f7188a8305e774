import { Args } from "@oclif/core";
import { connectSource } from "../migrators/connect.js";
import { guestStores } from "../migrators/guest-store.js";
import { openGuest, openGuests, type GuestSession } from "../migrators/session.js";
import { describeRehearsal } from "../migrators/rehearsal/gate.js";
import { overviewOf, overviewOfUnconfigured, type GuestOverview } from "../migrators/status.js";
import { loadConfig } from "../lib/config/load.js";
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
  static override description = "Guests that were taken out of rehome.yaml before their move was over are shown, too.";
  static override examples = [
    { description: "All guests", command: "<%= config.bin %> status" },
    { description: "One guest", command: "<%= config.bin %> status web1" },
  ];
  static override args = { guest: Args.string({ description: "name of a guest in rehome.yaml" }) };
  static override flags = { ...configFlags };

  async run(): Promise<Guests> {
    const { args, flags } = await this.parse(Status);
    const options = { configPath: flags.config, connect: connectSource };
    const asked =
      args.guest === undefined
        ? [...(await openGuests(options)).map(configured), ...(await unconfigured(flags.config))]
        : [configured(await openGuest({ ...options, guest: args.guest }))];
    const unknown: FailedGuest[] = [];
    const guests: GuestOverview[] = [];
    for (const { guest, overview } of asked) {
      try {
        const one = await overview();
        if (one !== undefined) guests.push(one);
      } catch (thrown) {
        if (asked.length === 1) throw thrown;
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

/** A guest of which something may be told. */
interface Asked {
  readonly guest: string;
  readonly overview: () => Promise<GuestOverview | undefined>;
}

function configured({ guest, guestConfig, store }: GuestSession): Asked {
  return { guest, overview: async () => overviewOf(guest, guestConfig.source, await store.records()) };
}

/** Guests that are remembered, and not in rehome.yaml any more. */
async function unconfigured(path: string): Promise<readonly Asked[]> {
  const { target, guests } = await loadConfig(path);
  const stores = (await guestStores(target.state)).filter(({ guest }) => !Object.hasOwn(guests, guest));
  return stores.map((store) => ({
    guest: store.guest,
    overview: async () => overviewOfUnconfigured(store.guest, path, await store.records()),
  }));
}
