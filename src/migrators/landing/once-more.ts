import { RehomeError } from "../../lib/errors.js";
import type { Report } from "../../lib/report.js";

/**
 * Does something on the cluster's hosts, and once more when a connection broke meanwhile: a host that goes away in the
 * middle is then one that cannot be reached, and whether that matters is decided anew. The work must give the same result
 * when it is done again.
 */
export async function onceMore<T>(
  { report, signal }: { readonly report: Report; readonly signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work();
  } catch (thrown) {
    if (!(thrown instanceof RehomeError) || thrown.code !== "connection-lost" || signal?.aborted === true) throw thrown;
    report.note({
      severity: "warning",
      text: `${thrown.where.machine ?? "a host"}: ${thrown.message}; trying once more`,
    });
    return work();
  }
}
