import { currentSteps, goingBackBegan, statusOf } from "./cutover/sequence.js";
import { tookTooLong } from "./cutover/deadline.js";
import { CUTOVER_STEPS } from "./cutover/index.js";
import {
  passesOf,
  plannedOf,
  rehearsalOf,
  stateOf,
  trackingOf,
  undefinedHosts,
  type GuestRecord,
} from "./guest-store.js";
import type { Rehearsal } from "./rehearsal/types.js";
import { factsOf, predictDowntime } from "./staging/index.js";
import type { GuestState, Pass } from "./types.js";

/** Where a guest is on its way, which copy of it counts, and what to do next. */
export interface GuestOverview {
  readonly guest: string;
  readonly source: string;
  readonly state: GuestState;
  /** The one copy that runs or may be started, by the command in `next`: it has all that was acknowledged. */
  readonly authoritative: "source" | "guest";
  /** Why, in a few words. */
  readonly because: string;
  /** What to type next. */
  readonly next: string;
  readonly passes: number;
  readonly lastPassAt: number | undefined;
  readonly lastPassWritten: number | undefined;
  /** If cut over now, in ms; undefined before the first complete pass and after the cutover. */
  readonly predictedDowntimeMs: number | undefined;
  /** How it was rehearsed last, as long as that still matters. */
  readonly rehearsal?: Rehearsal;
  /** Bytes of all disks. */
  readonly size: number | undefined;
  /** What rehome made on the source and has not removed yet. */
  readonly onSource: readonly { readonly disk: string; readonly snapshot: string; readonly since: number }[];
  /** It is not in rehome.yaml any more, and so out of reach for every command. */
  readonly unconfigured?: true;
}

/** The overview of a guest from its journal alone; touches no machine. */
export function overviewOf(guest: string, source: string, records: readonly GuestRecord[]): GuestOverview {
  const state = stateOf(records);
  const passes = passesOf(records);
  const last = lastRound(passes);
  return {
    guest,
    source,
    state,
    ...verdict(guest, state, records),
    passes: passes.reduce((most, { number }) => Math.max(most, number), 0),
    lastPassAt: last.at(-1)?.startedAt,
    lastPassWritten: last.length === 0 ? undefined : last.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0),
    predictedDowntimeMs: state === "staged" ? predictDowntime(factsOf(passes, records)).totalMs : undefined,
    ...rehearsed(state, records),
    onSource: onSource(records),
    size: plannedOf(records)?.plan.volumes.reduce((sum, { size }) => sum + size, 0),
  };
}

/**
 * The overview of a guest that somebody took out of rehome.yaml; undefined when its move is over, or never began.
 * @param configPath of that rehome.yaml
 */
export function overviewOfUnconfigured(
  guest: string,
  configPath: string,
  records: readonly GuestRecord[],
): GuestOverview | undefined {
  if (records.length === 0) return undefined;
  const overview = overviewOf(guest, plannedOf(records)?.plan.source ?? "its source", records);
  if (overview.state === "committed" && overview.onSource.length === 0) return undefined;
  const next = `write ${guest} into ${configPath} again, as it was, then ${overview.next}`;
  return { ...overview, next, unconfigured: true };
}

function rehearsed(state: GuestState, records: readonly GuestRecord[]): Pick<GuestOverview, "rehearsal"> {
  const rehearsal = rehearsalOf(records);
  return rehearsal === undefined || state === "cut-over" || state === "committed" ? {} : { rehearsal };
}

function onSource(records: readonly GuestRecord[]): GuestOverview["onSource"] {
  return [...trackingOf(records)].map(([disk, { origin, snapshot }]) => {
    const made = records.find(
      (record) =>
        record.type === "tracking" && record.disk === disk && record.tracking?.snapshot.uuid === snapshot.uuid,
    );
    return { disk, snapshot: `${origin.group}/${snapshot.name}`, since: made?.at ?? 0 };
  });
}

function lastRound(passes: readonly Pass[]): readonly Pass[] {
  const number = passes.at(-1)?.number;
  return passes.filter((pass) => pass.number === number);
}

type Verdict = Pick<GuestOverview, "authoritative" | "because" | "next">;

function verdict(guest: string, state: GuestState, records: readonly GuestRecord[]): Verdict {
  switch (state) {
    case "planned":
      return { authoritative: "source", because: "nothing was copied yet", next: `rehome stage ${guest}` };
    case "staging":
      return { authoritative: "source", because: "the copy is not complete", next: `rehome stage ${guest}` };
    case "staged":
      return { authoritative: "source", because: stagedBecause(records), next: afterStaging(guest, records) };
    case "cut-over":
      if (goingBackBegan(currentSteps(records))) return halfWayBack(guest, records);
      return withHostsAway(guest, records, "the source is off", `rehome commit ${guest}`);
    case "committed":
      return withHostsAway(guest, records, "the move is final", "rehome cluster status");
    case "cutting-over":
      return interrupted(guest, records);
  }
}

/** A host that was away when the guest was registered cannot run it before it is given the definition. */
function withHostsAway(guest: string, records: readonly GuestRecord[], because: string, next: string): Verdict {
  const away = undefinedHosts(records).join(", ");
  if (away === "") return { authoritative: "guest", because, next };
  return {
    authoritative: "guest",
    because: `${because}; not highly available: ${away} was away and has no definition of it`,
    next: `rehome cluster add ${guest} once ${away} is back, then ${next}`,
  };
}

function afterStaging(guest: string, records: readonly GuestRecord[]): string {
  const rehearsal = rehearsalOf(records);
  if (rehearsal === undefined) return `rehome rehearse ${guest}`;
  if (rehearsal.outcome === "boots") return `rehome cutover ${guest} --dry-run`;
  return `rehome stage ${guest}, then rehome rehearse ${guest}`;
}

/** What the journal alone can tell: whether the source really runs it cannot. */
function stagedBecause(records: readonly GuestRecord[]): string {
  if (!goingBackBegan(currentSteps(records))) return "there was no cutover yet";
  return tookTooLong(records) ? "the cutover was undone: it took longer than --max-downtime" : "the cutover was undone";
}

/** As long as it is not recorded that the guest was stopped, it may be running, and the source must not be started. */
function halfWayBack(guest: string, records: readonly GuestRecord[]): Verdict {
  const guestIsOff = ["pending", "undone"].includes(statusOf(currentSteps(records), "start"));
  return {
    authoritative: guestIsOff ? "source" : "guest",
    because: `going back to the source began and has not ended${guestIsOff ? "" : ": the guest may be running"}; ${NEITHER}`,
    next: `rehome rollback ${guest}`,
  };
}

/** What happens to a source or a guest that somebody starts beside an interrupted command nobody can foresee. */
const NEITHER = "start neither by hand";

/** A cutover that neither finished nor was undone: its journal says which copy counts. */
function interrupted(guest: string, records: readonly GuestRecord[]): Verdict {
  const steps = currentSteps(records);
  const reached = CUTOVER_STEPS.findLast(({ name }) => !["pending", "undone"].includes(statusOf(steps, name)));
  if (goingBackBegan(steps)) return halfWayBack(guest, records);
  const where = reached === undefined ? "it had not begun" : `it came to "${reached.title}"`;
  const next = `rehome cutover ${guest} to go on, rehome rollback ${guest} to go back`;
  const begun = (name: string): boolean => !["pending", "undone"].includes(statusOf(steps, name));
  if (begun("start")) return { authoritative: "guest", because: `the cutover is unfinished: ${where}`, next };
  const off = begun("source-off") ? `; the source is off or about to be: ${NEITHER}` : "";
  return { authoritative: "source", because: `the cutover is unfinished: ${where}${off}`, next };
}
