import type { Machine } from "../../machine/machine.js";

/** What happened on the way from a host that is gone to a guest that answers again, ms after the cut. */
export interface FailoverParts {
  /** The rest of the cluster noticed. */
  readonly lost: number | undefined;
  readonly fenced: number | undefined;
  readonly promoted: number | undefined;
  readonly started: number | undefined;
}

/** What Pacemaker's daemons say in the journal, and what of it tells that a part is over. */
const SIGNS: Readonly<Record<keyof FailoverParts, (lost: string, guest: string) => RegExp>> = {
  lost: (lost) => new RegExp(`pacemaker-controld.*Node ${lost} state is now lost`),
  fenced: (lost) => new RegExp(`pacemaker-controld.*Peer ${lost} was terminated \\(reboot\\).*: OK`),
  promoted: (_, guest) => new RegExp(`pacemaker-controld.*Result of promote operation for drbd-${guest} .*: ok`),
  started: (_, guest) => new RegExp(`pacemaker-controld.*Result of start operation for ${guest} .*: ok`),
};

/** Reads from the survivor's journal what happened when. @param cutAt ms since the epoch, by our clock */
export async function failoverParts(
  survivor: Machine,
  lost: string,
  guest: string,
  cutAt: number,
): Promise<FailoverParts> {
  const asked = Date.now();
  const theirs = Number(await survivor.check(["date", "+%s%3N"]));
  const skew = theirs - (asked + Date.now()) / 2;
  const since = `@${Math.floor((cutAt + skew) / 1000)}`;
  const journal = await survivor.check(["journalctl", "--quiet", "--output=short-unix", `--since=${since}`]);
  const when = (sign: RegExp): number | undefined => {
    const line = journal.split("\n").find((text) => sign.test(text));
    return line === undefined ? undefined : Math.round(Number(line.split(" ")[0]) * 1000 - skew - cutAt);
  };
  return {
    lost: when(SIGNS.lost(lost, guest)),
    fenced: when(SIGNS.fenced(lost, guest)),
    promoted: when(SIGNS.promoted(lost, guest)),
    started: when(SIGNS.started(lost, guest)),
  };
}
