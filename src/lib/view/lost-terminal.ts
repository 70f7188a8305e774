import { formatError, RehomeError } from "../errors.js";
import { reasonOf } from "../folder.js";

let guarded = false;
let lost = false;

/**
 * Whoever reads what we print may go away in the middle: a closed terminal, a pager that was left, a full disk below a
 * log. Work on a machine must not die of that half-way, so what cannot be printed is dropped.
 */
export function outliveReaders(): void {
  if (guarded) return;
  guarded = true;
  process.stdout.removeAllListeners("error"); // oclif's own throws at everything but a closed pipe
  process.stdout.on("error", (cause: NodeJS.ErrnoException) => {
    if (!lost && cause.code !== "EPIPE") process.stderr.write(`${formatError(unprintable(cause))}\n`);
    lost = true;
    process.exitCode ??= 1; // a result that nobody got is no success
  });
  process.stderr.on("error", () => {
    process.exitCode ??= 1;
  });
}

/** Whether something that was printed did not arrive: there is no use in a display that goes on. */
export function isOutputLost(): boolean {
  return lost;
}

function unprintable(cause: unknown): RehomeError {
  const remedy = "see that there is room where standard output goes";
  return new RehomeError("file-unwritable", `cannot print: ${reasonOf(cause)}`, {
    path: "standard output",
    remedy,
    cause,
  });
}

/**
 * Calls back when our terminal was closed. Without one a hangup means nothing, and nohup(1) does what it should: node
 * itself takes back that SIGHUP was to be ignored.
 * @returns ends the listening
 */
export function onHangup(closed: () => void): () => void {
  const hasTerminal = process.stderr.isTTY;
  const hangup = (): void => {
    if (hasTerminal) closed(); // several times: a shell and the kernel both say it
  };
  process.on("SIGHUP", hangup);
  return () => process.off("SIGHUP", hangup);
}
