import { delay } from "../../lib/delay.js";
import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { bootIdOf } from "../physical/quiesce.js";

/** A connection to the source that is made again when it is needed after the source went away. */
export interface SourceLink {
  /** The live connection, or a new one. @throws RehomeError as GuestSession.connect */
  host(): Promise<Host>;
  /** One more connection, which the caller closes. */
  open(): Promise<Host>;
  /** The source's boot id now, or undefined when it cannot be reached. Wrong keys and passwords are errors. */
  bootId(): Promise<string | undefined>;
  /** Forgets the connection: the source went away or is about to. */
  drop(): Promise<void>;
}

export function sourceLink(connect: () => Promise<Host>): SourceLink {
  let current: Host | undefined;
  const link: SourceLink = {
    async host() {
      current ??= await connect();
      return current;
    },
    open: connect,
    async bootId() {
      if (current !== undefined) {
        const known = await bootIdOf(current).catch(() => undefined); // a connection that broke says nothing yet
        if (known !== undefined) return known;
        await link.drop();
      }
      try {
        return await bootIdOf(await link.host());
      } catch (thrown) {
        await link.drop();
        if (isAbsence(thrown)) return undefined;
        throw thrown;
      }
    },
    async drop() {
      const old = current;
      current = undefined;
      await old?.close();
    },
  };
  return link;
}

/** How long a network that was cut may take to come back before the source is given up for now, in ms. */
const RECONNECT_MS = 60_000;
const PAUSE_MS = 2000;

/** Whether the source answers now; one that refuses us does not count. */
export function answers(link: SourceLink): Promise<boolean> {
  return link.bootId().then(
    (bootId) => bootId !== undefined,
    () => false,
  );
}

/** As {@link answers}, asked again until it does or the time is up; at least once. */
export async function answersInTime(link: SourceLink, timeoutMs = RECONNECT_MS): Promise<boolean> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    if (await answers(link)) return true;
    if (performance.now() >= until) return false;
    await delay(PAUSE_MS);
  }
}

/** Whether an error means that nobody is there, and not that somebody refused us. */
export function isAbsence(thrown: unknown): boolean {
  return (
    thrown instanceof RehomeError && ["host-unreachable", "connection-lost", "command-timeout"].includes(thrown.code)
  );
}

/**
 * Waits until the source answers with another boot id than before.
 * @throws RehomeError source-not-back
 */
export async function waitUntilBack(
  link: SourceLink,
  name: string,
  oldBootId: string,
  timeoutMs: number,
): Promise<void> {
  const until = performance.now() + timeoutMs;
  for (;;) {
    const bootId = await link.bootId();
    if (bootId !== undefined && bootId !== oldBootId) return;
    if (performance.now() > until) {
      throw new RehomeError(
        "source-not-back",
        `the source does not answer ${timeoutMs / 1000} s after it was started`,
        {
          machine: name,
          remedy: "look at its console; when it is up, run rehome rollback again",
        },
      );
    }
    await delay(PAUSE_MS);
  }
}
