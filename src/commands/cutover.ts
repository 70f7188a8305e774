import { Args, Flags } from "@oclif/core";
import { cutOver, describeCutover, type CutoverRequest, type CutoverResult } from "../migrators/cutover/index.js";
import { cutOverSeveral, type Outcome } from "../migrators/cutover/several.js";
import { connectSource } from "../migrators/connect.js";
import { outcomeLines, planLines, resultLines, type PlannedStep } from "../migrators/describe/cutover.js";
import { openGuest, type GuestSession } from "../migrators/session.js";
import { RehomeError } from "../lib/errors.js";
import { parseMoment } from "../lib/moment.js";
import { parseDuration } from "../lib/units.js";
import { BaseCommand, configFlags, sourceFlags } from "../lib/view/base-command.js";
import { errorJson, type JsonError } from "../lib/view/error-json.js";

interface DryRun {
  readonly dryRun: readonly PlannedStep[];
}

/** Of several guests, by name. */
interface Several {
  readonly guests: Readonly<Record<string, CutoverResult | DryRun | JsonError | { readonly notBegun: true }>>;
}

type Request = Omit<CutoverRequest, "session">;

export default class Cutover extends BaseCommand {
  static override summary = "Stop the source, copy what is left, convert, and start the guest here.";
  static override description = `Everything that could fail is tried first. From the moment the source stops, every step is journalled; when one fails
before the guest was started, all is undone and the source works again, as far as it can be brought back from here.
Interrupted, the same command goes on.

With --max-downtime nothing begins when the prediction is longer, and everything is undone when the guest is not being
started after twice that time (exit status 10). A domain that was told to shut down is waited for even so, as long as its
own time limit says. Once the guest's start began nothing is undone by itself.

With --at the source is stopped at that time, not before. What could fail is tried at once, and the copy kept fresh until
then; the time must be waited for (in screen, tmux or systemd-run). Ctrl-C meanwhile leaves the guest staged.

Several guests begin in the order in which they are named, one after the other; when one fails, those that have not begun
do not begin. The exit status is that of the first that failed.`;
  static override examples = [
    { description: "See what would happen", command: "<%= config.bin %> cutover web1 --dry-run" },
    {
      description: "Only if it takes less than two minutes; back to the source if it takes more than four",
      command: "<%= config.bin %> cutover web1 --max-downtime 2min",
    },
    {
      description: "At the next half past two in the night, by the clock of this machine",
      command: "<%= config.bin %> cutover web1 --at 02:30",
    },
    {
      description: "On a certain night",
      command: "<%= config.bin %> cutover web1 --at 2026-12-05T02:30 --max-downtime 2min",
    },
    {
      description: "The database first, then two web servers; all of them even if one fails",
      command: "<%= config.bin %> cutover db1 web1 web2 --keep-going",
    },
  ];
  static override args = {
    guest: Args.string({
      description: "name of a guest in rehome.yaml; one or several",
      required: true,
      multiple: true,
    }),
  };
  static override flags = {
    ...configFlags,
    ...sourceFlags,
    "dry-run": Flags.boolean({ description: "print exactly what would happen, change nothing" }),
    "max-downtime": Flags.string({
      description: "do not begin when the predicted downtime is longer; go back when it becomes twice as long",
      helpValue: "DURATION",
    }),
    at: Flags.string({
      description: "wait, and stop the source at this time: 02:30 (tomorrow when that has passed), 2026-12-05T02:30",
      helpValue: "TIME",
    }),
    parallel: Flags.integer({
      description: "of several guests, how many at once at the most",
      default: 1,
      min: 1,
      helpValue: "N",
    }),
    "keep-going": Flags.boolean({ description: "of several guests, begin the others even if one has failed" }),
    verify: Flags.option({
      options: ["sent", "full"] as const,
      description: "prove the copy by reading back what was sent, or all of it",
      default: "sent" as const,
    })(),
    "despite-rehearsal": Flags.boolean({ description: "go ahead though the guest did not boot when it was rehearsed" }),
    "source-is-off": Flags.boolean({ description: "your word that the source is off, when it cannot be reached" }),
  };

  async run(): Promise<CutoverResult | DryRun | Several> {
    const { args, flags } = await this.parse(Cutover);
    const names = [...new Set(args.guest)];
    if (names.length > 1 && flags["source-is-off"]) throw oneSourceAtATime();
    const maxDowntime = flags["max-downtime"];
    const options = {
      verify: flags.verify,
      sourceIsOff: flags["source-is-off"],
      despiteRehearsal: flags["despite-rehearsal"],
      ...(maxDowntime !== undefined && { maxDowntimeMs: parseDuration(maxDowntime) }),
    };
    const moment = flags.at === undefined ? undefined : parseMoment(flags.at, Date.now());
    const sessions: GuestSession[] = [];
    for (const guest of names) {
      sessions.push(
        await openGuest({
          configPath: flags.config,
          guest,
          acceptNewHostKey: flags["accept-new-host-key"],
          connect: connectSource,
        }),
      );
    }
    const isMixed = sessions.length > 1 && (flags.parallel > 1 || moment !== undefined);
    const report = this.createReport(isMixed);
    if (moment?.note !== undefined) report.note({ severity: "warning", text: moment.note });
    const request = { options, report, signal: this.signal, ...(moment && { at: moment.at }) };
    try {
      if (flags["dry-run"]) return await this.showPlans(sessions, request);
      const [only] = sessions;
      if (only !== undefined && sessions.length === 1)
        return this.showResult(await cutOver({ ...request, session: only }));
      const { parallel, "keep-going": keepGoing } = flags;
      const outcomes = await cutOverSeveral({ ...request, sessions, parallel, keepGoing });
      report.close();
      return this.showOutcomes(outcomes);
    } finally {
      report.close();
    }
  }

  private async showPlans(sessions: readonly GuestSession[], request: Request): Promise<DryRun | Several> {
    const plans: (readonly [string, DryRun])[] = [];
    for (const session of sessions) {
      const steps = await describeCutover({ ...request, session });
      if (sessions.length > 1) this.print([...(plans.length === 0 ? [] : [""]), `${session.guest}:`]);
      this.print(planLines(steps));
      plans.push([session.guest, { dryRun: steps }]);
    }
    this.suggest(`rehome cutover ${sessions.map(({ guest }) => guest).join(" ")}`);
    const [[, only] = []] = plans;
    return only !== undefined && plans.length === 1 ? only : { guests: Object.fromEntries(plans) };
  }

  private showResult(result: CutoverResult): CutoverResult {
    this.print(resultLines(result));
    this.suggest(`look at it; then rehome commit ${result.guest}, or rehome rollback ${result.guest}`);
    return result;
  }

  private showOutcomes(outcomes: readonly Outcome<CutoverResult>[]): Several {
    this.print(outcomeLines(outcomes));
    const failed = outcomes.flatMap((each) => (each.state === "failed" ? [each] : []));
    this.sayFailed(failed);
    const isCut = this.signal.aborted && outcomes.some(({ state }) => state === "not-begun");
    if (isCut && failed.length === 0) process.exitCode = new RehomeError("cancelled", "stopped").exitCode;
    const moved = outcomes.find(({ state }) => state === "done");
    this.suggest(moved === undefined ? "rehome status" : `look at them; then rehome commit ${moved.guest}, and so on`);
    return { guests: Object.fromEntries(outcomes.map((each) => [each.guest, outcomeJson(each)])) };
  }
}

/** A word about one source must not be taken for several. */
function oneSourceAtATime(): RehomeError {
  return new RehomeError("usage", "--source-is-off is a word about one source, and several guests are named", {
    remedy: "cut over the guest whose source you mean by itself",
  });
}

function outcomeJson(outcome: Outcome<CutoverResult>): Several["guests"][string] {
  if (outcome.state === "done") return outcome.result;
  return outcome.state === "failed" ? errorJson(outcome.error) : { notBegun: true };
}
