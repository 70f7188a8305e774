/**
 * Joins flushes: whoever asks while one is running shares the next one. A flush covers all that was written before it was
 * asked for, because it begins afterwards.
 */
export function groupFlush(flush: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  function begin(): Promise<void> {
    next = undefined;
    const own = flush().finally(() => {
      if (running === own) running = undefined;
    });
    running = own;
    return own;
  }
  return () => {
    if (running === undefined) return begin();
    next ??= running.then(begin, begin);
    return next;
  };
}
