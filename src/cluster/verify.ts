import { RehomeError } from "../lib/errors.js";
import type { Host } from "../lib/host/types.js";
import type { XmlElement } from "../lib/xml.js";
import { checkCib, type CibProblem } from "./cib/check.js";
import { readCib } from "./cib/store.js";
import { schedule } from "./scheduler/index.js";
import type { Cluster } from "./types.js";

/** What was found in a CIB, and by what. */
export interface Verification {
  readonly problems: readonly CibProblem[];
  /** What rehome's scheduler does not understand: nothing would be done with this CIB. */
  readonly unsupported: readonly string[];
  readonly warnings: readonly string[];
  /** What Debian's crm_verify says; undefined when it is not installed. */
  readonly crmVerify: string | undefined;
}

/**
 * Checks the CIB in use in every way there is where it is kept.
 * @throws RehomeError as Cluster.read, and cib-invalid for what makes it unusable
 */
export async function verifyCluster(cluster: Cluster): Promise<Verification> {
  const cib = await cluster.read();
  const { host, argv } = await cluster.verification();
  return verified(cib, await askPacemaker(host, argv, cluster.name));
}

/**
 * Checks a CIB in every way there is on this machine.
 * @throws RehomeError file-unreadable, xml-malformed, cib-unsupported, and cib-invalid for what makes it unusable
 */
export async function verifyFile(host: Host, path: string): Promise<Verification> {
  const cib = await readCib(path);
  return verified(cib, await askPacemaker(host, ["-x", path], path));
}

function verified(cib: XmlElement, crmVerify: string | undefined): Verification {
  const { unsupported, warnings } = schedule(cib, Date.now());
  return { problems: checkCib(cib), unsupported, warnings, crmVerify };
}

const NOT_INSTALLED = 127;

/**
 * What Debian's crm_verify says of a CIB; undefined where it is not installed.
 * @param which how it is told which: `-x FILE`, `-L`, `-p` for what comes as input
 * @param path names it in errors
 * @throws RehomeError cib-invalid
 */
export async function askPacemaker(
  host: Host,
  which: readonly string[],
  path: string,
  input = "",
): Promise<string | undefined> {
  const result = await host.run(["crm_verify", "-V", ...which], { input, timeoutMs: 30_000 });
  if (result.exitCode === NOT_INSTALLED) return undefined;
  if (result.exitCode === 0) return "";
  throw new RehomeError("cib-invalid", "crm_verify finds errors in the CIB", {
    path,
    output: result.stderr.trim(),
    remedy: "correct it; the CIB in use stays as it is",
  });
}
