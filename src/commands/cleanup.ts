import { Args, Flags } from "@oclif/core";
import { asRehomeError } from "../lib/errors.js";
import { formatSize } from "../lib/units.js";
import { BaseCommand, configFlags, sourceFlags, type FailedGuest } from "../lib/view/base-command.js";
import type { JsonError } from "../lib/view/error-json.js";
import { table } from "../lib/view/table.js";
import { cleanUp, type CleanupResult } from "../migrators/cleanup.js";
import { connectSource } from "../migrators/connect.js";
import { openGuest, openGuests } from "../migrators/session.js";

interface Cleaned {
  readonly dryRun: boolean;
  readonly guests: readonly CleanupResult[];
  /** Guests whose source could not be cleaned, and why. */
  readonly failed?: Readonly<Record<string, JsonError>>;
}

export default class Cleanup extends BaseCommand {
  static override summary = "Remove the snapshots that rehome made on sources to follow what changes.";
  static override description = `Only what has rehome's name and its tag is removed; volumes and copies are never touched. It may be run at any time:
the guest's next pass compares everything, and begins to follow changes anew.`;
  static override examples = [
    { description: "What would be removed for one guest", command: "<%= config.bin %> cleanup web1 --dry-run" },
    { description: "For every guest in rehome.yaml", command: "<%= config.bin %> cleanup" },
  ];
  static override args = { guest: Args.string({ description: "name of a guest in rehome.yaml" }) };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    "dry-run": Flags.boolean({ description: "only say what would be removed" }),
  };

  async run(): Promise<Cleaned> {
    const { args, flags } = await this.parse(Cleanup);
    const dryRun = flags["dry-run"];
    const options = {
      configPath: flags.config,
      acceptNewHostKey: flags["accept-new-host-key"],
      connect: connectSource,
    };
    const sessions =
      args.guest === undefined ? await openGuests(options) : [await openGuest({ ...options, guest: args.guest })];
    const guests: CleanupResult[] = [];
    const failures: FailedGuest[] = [];
    for (const session of sessions) {
      try {
        const result = await cleanUp(session, { dryRun, signal: this.signal });
        guests.push(result);
        this.describe(result, dryRun);
      } catch (thrown) {
        if (sessions.length === 1 || this.signal.aborted) throw thrown;
        // one source that does not answer keeps nobody from cleaning the others
        failures.push({ guest: session.guest, error: asRehomeError(thrown) });
      }
    }
    if (dryRun && guests.some(({ removed }) => removed.length > 0)) {
      this.suggest(["rehome cleanup", args.guest].filter(Boolean).join(" "));
    }
    const failed = this.sayFailed(failures);
    return failures.length === 0 ? { dryRun, guests } : { dryRun, guests, failed };
  }

  private describe({ guest, removed, left }: CleanupResult, dryRun: boolean): void {
    if (removed.length === 0) this.print(`${guest}: nothing of rehome's is on its source`);
    else {
      this.print(`${guest}: ${dryRun ? "would be removed" : "removed"}`);
      const rows = removed.map(({ snapshot, origin, size }) => [snapshot, origin, formatSize(size)]);
      this.print(table(["SNAPSHOT", "OF", "SIZE"], rows, { indent: 2, right: [2] }));
    }
    for (const { snapshot, why } of left) this.print(`  left alone: ${snapshot} (${why})`);
  }
}
