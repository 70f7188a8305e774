import { labelled } from "../../lib/report.js";
import type { GuestSession } from "../session.js";
import { cutOver, type CutoverRequest } from "./index.js";
import { inTurn, type Outcome } from "./queue.js";

import type { CutoverResult } from "./types.js";

export type { Outcome } from "./queue.js";

export interface SeveralRequest extends Omit<CutoverRequest, "session" | "turn"> {
  readonly sessions: readonly GuestSession[];
  /** Guests whose cutover is under way at once, at the most. */
  readonly parallel: number;
  /** Whether the others are cut over when one has failed. */
  readonly keepGoing: boolean;
}

/**
 * Cuts several guests over, in their order. All are looked at before the first begins: when one is locked or not staged,
 * none begins, unless the others are to be cut over all the same. Never throws for a guest: what became of each is returned.
 */
export function cutOverSeveral(request: SeveralRequest): Promise<readonly Outcome<CutoverResult>[]> {
  const { sessions, parallel, keepGoing, report, signal, ...common } = request;
  const byName = new Map(sessions.map((session) => [session.guest, session]));
  return inTurn([...byName.keys()], { parallel, keepGoing, signal }, async (guest, turn) => {
    const session = byName.get(guest);
    if (session === undefined) throw new TypeError(`no session of ${guest}`);
    return cutOver({ ...common, session, report: labelled(report, guest), turn, ...(signal && { signal }) });
  });
}
