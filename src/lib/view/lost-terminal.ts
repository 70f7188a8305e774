let guarded = false;

/**
 * Whoever reads what we print may go away in the middle: a closed terminal, a pager that was left, a full disk below a
 * log. Work on a machine must not die of that half-way, so what cannot be printed is dropped.
 */
export function outliveReaders(): void {
  if (guarded) return;
  guarded = true;
  for (const stream of [process.stdout, process.stderr]) {
    stream.on("error", () => {
      process.exitCode ??= 1; // a result that nobody got is no success
    });
  }
}

/**
 * Calls back when our terminal was closed. Without one a hangup means nothing, and nohup(1) does what it should: node
 * itself takes back that SIGHUP was to be ignored.
 */
export function onHangup(closed: () => void): void {
  const hasTerminal = process.stderr.isTTY;
  process.on("SIGHUP", () => {
    if (hasTerminal) closed(); // several times: a shell and the kernel both say it
  });
}
