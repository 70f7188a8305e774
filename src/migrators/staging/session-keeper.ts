import { openSession, type Session, type SessionNeeds } from "./session.js";
import type { StagingContext, TransferOptions } from "./types.js";

/**
 * Everything that work on a guest's copy opens, kept from one piece of work to the next, because to log in, to start
 * readers and writers and to open volumes takes seconds of a downtime.
 */
export interface SessionKeeper {
  /**
   * Has something done with a session. One that was kept is used when it is as good as a new one, and is opened anew
   * otherwise; when the work fails it is closed.
   * @throws as openSession, and what the work throws
   */
  use<T>(
    context: StagingContext,
    options: TransferOptions,
    needs: SessionNeeds,
    work: (session: Session) => Promise<T>,
  ): Promise<T>;
  /** Ends what runs on the source for it. Volumes stay open. */
  leaveSource(): Promise<void>;
  /** Nothing is open any more when this resolves. */
  release(): Promise<void>;
}

export function sessionKeeper(): SessionKeeper {
  let kept: Session | undefined;
  async function release(): Promise<void> {
    const old = kept;
    kept = undefined;
    await old?.close();
  }
  async function isGood(session: Session, needs: SessionNeeds, signal: AbortSignal | undefined): Promise<boolean> {
    try {
      await session.renew(needs);
      return true;
    } catch (thrown) {
      if (signal?.aborted) throw thrown;
      return false; // what is wrong with it is wrong with the next one too, which says so; or it was only the keeping
    }
  }
  return {
    async use(context, options, needs, work) {
      try {
        if (kept !== undefined && !(await isGood(kept, needs, context.signal))) await release();
        kept ??= await openSession(context, options, needs);
        return await work(kept);
      } catch (thrown) {
        await release().catch(() => undefined); // what went wrong before is what counts
        throw thrown;
      }
    },
    leaveSource: async () => kept?.agents.close(),
    release,
  };
}

/** Has something done with what is kept for the guest, or with a session of its own, which is closed. */
export async function withSession<T>(
  context: StagingContext,
  options: TransferOptions,
  needs: SessionNeeds,
  work: (session: Session) => Promise<T>,
): Promise<T> {
  if (context.sessions !== undefined) return context.sessions.use(context, options, needs, work);
  const own = sessionKeeper();
  const result = await own.use(context, options, needs, work);
  await own.release();
  return result;
}
