import { RehomeError } from "../../lib/errors.js";
import type { Host, HostProcess } from "../../lib/host/types.js";

/** Collects the end of what a process says on standard error. */
export function collectErrors(process: HostProcess): () => string {
  let text = "";
  process.stderr.on("data", (data: Buffer) => (text = (text + data.toString()).slice(-4096)));
  return () => text.trim();
}

/** A reader ends with its input; one that does not within this many ms is killed, and after as many more given up. */
const END_GRACE_MS = 3000;

/** Ends a reader and waits until it is gone, or until nobody can tell any more. */
export async function endAgent(process: HostProcess): Promise<void> {
  process.stdin.end();
  if (await endedWithin(process, END_GRACE_MS)) return;
  process.kill();
  await endedWithin(process, END_GRACE_MS);
}

async function endedWithin({ exited }: HostProcess, ms: number): Promise<boolean> {
  const gone = exited.then(
    () => true,
    () => true,
  );
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<boolean>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  try {
    return await Promise.race([gone, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Why the reader's output ended early. */
export async function endedEarly(
  host: Host,
  process: HostProcess,
  said: () => string,
  signal: AbortSignal | undefined,
): Promise<RehomeError> {
  if (signal?.aborted) return new RehomeError("cancelled", "staging was stopped");
  try {
    const exitCode = await process.exited;
    const text = `the reader on the source ended with exit code ${exitCode}`;
    return new RehomeError("agent-failed", text, {
      machine: host.name,
      output: said(),
      remedy: "run the same command again: it goes on where it stopped",
    });
  } catch (thrown) {
    if (thrown instanceof RehomeError) return thrown;
    return new RehomeError("connection-lost", "the connection to the source broke", {
      machine: host.name,
      remedy: "run the same command again: it goes on where it stopped",
      cause: thrown,
    });
  }
}

const GONE = ["ENOENT", "ENXIO", "ENODEV", "ENOMEDIUM"];

/** A disk of the source that cannot be read. @param error errno's name */
export function readFailed(
  machine: string,
  path: string | undefined,
  offset: number | undefined,
  error: string,
  message: string,
): RehomeError {
  const where = { machine, ...(path !== undefined && { path }), output: message };
  if (error === "EPROTO") return new RehomeError("agent-failed", "the reader on the source failed", where);
  if (GONE.includes(error)) {
    return new RehomeError("disk-missing", "the disk is gone", {
      ...where,
      remedy: "look at the source (dmesg, lsblk); when the disk is back, run the same command again",
    });
  }
  const place = offset === undefined ? "" : ` at byte ${offset}`;
  return new RehomeError("source-read-failed", `the disk cannot be read${place} (${error})`, {
    ...where,
    remedy: "look at the source (dmesg, smartctl): the disk may be dying; what was copied is kept",
  });
}
