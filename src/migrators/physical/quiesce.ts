import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host, RunResult } from "../../lib/host/types.js";
import { readTemplate } from "../../lib/templates.js";

/** What bringing a machine to rest did to it. */
export interface Quiesced {
  /** Services that were stopped. */
  readonly stopped: readonly string[];
  readonly warnings: readonly string[];
}

/** Stopping services may take as long as systemd's DefaultTimeoutStopSec (90 s) and a little. */
const QUIESCE_TIMEOUT_MS = 240_000;

/**
 * Brings a running machine to rest: stops its services, ends what else runs, turns swap off and makes every file
 * system read-only (sysrq u), so that O_DIRECT reads see all that it ever acknowledged. It stays reachable over SSH.
 * Repeating it is harmless. Only a restart brings the machine back ({@link restart}).
 * @param services stopped first, in this order
 * @throws RehomeError source-busy when something can still write
 */
export async function quiesce(host: Host, services: readonly string[], signal?: AbortSignal): Promise<Quiesced> {
  const result = await host.run(["sh", "-s", "--", ...services], {
    input: await readTemplate("quiesce.sh"),
    timeoutMs: QUIESCE_TIMEOUT_MS,
    ...(signal && { signal }),
  });
  const events = result.stdout.split("\n").map((line) => {
    const space = line.indexOf(" ");
    return space === -1 ? { kind: line, rest: "" } : { kind: line.slice(0, space), rest: line.slice(space + 1).trim() };
  });
  const all = (kind: string): string[] => events.filter((event) => event.kind === kind).map((event) => event.rest);
  if (result.exitCode !== 0 || all("at-rest").length === 0) {
    const writable = all("still-writable");
    throw new RehomeError(
      "source-busy",
      writable.length > 0
        ? `file systems can still be written to: ${writable.join(" ")}`
        : all("no-sysrq").length > 0
          ? "cannot make the file systems read-only: /proc/sysrq-trigger is not writable"
          : `the machine could not be brought to rest (exit code ${result.exitCode})`,
      { machine: host.name, output: result.stderr.trim(), remedy: "look at the machine, then run the command again" },
    );
  }
  return {
    stopped: all("stopped"),
    warnings: [
      ...all("stop-failed").map((name) => `service ${name} did not stop in the regular way`),
      ...all("killed-KILL").map((names) => `processes that did not end when asked were killed: ${names}`),
      ...(all("swap-on").length > 0 ? ["swap could not be turned off: what was swapped out stays on the disk"] : []),
    ],
  };
}

/**
 * Whether the machine is at rest: every file system on a block device read-only.
 * @returns the mount points that can be written to; empty means at rest
 */
export async function writableMounts(host: Host): Promise<readonly string[]> {
  return parseWritableMounts(await runChecked(host, ["cat", "/proc/mounts"]));
}

/** Mount points in /proc/mounts (proc_pid_mounts(5)) of writable file systems on block devices. */
export function parseWritableMounts(mounts: string): readonly string[] {
  return mounts.split("\n").flatMap((line) => {
    const [device, place, type, options] = line.split(" ");
    if (device === undefined || place === undefined || type === undefined || options === undefined) return [];
    if (!device.startsWith("/dev/") || type.startsWith("fuse") || type === "devtmpfs") return [];
    return options.split(",").includes("rw") ? [place] : [];
  });
}

/**
 * Restarts a machine that was brought to rest: at once when its file systems are read-only, so that nothing is written
 * any more; in the regular way when that was not reached.
 */
export async function restart(host: Host): Promise<void> {
  if ((await writableMounts(host)).length === 0) return sysrq(host, "b");
  await expectLoss(() => host.run(["shutdown", "-r", "now"], { timeoutMs: GONE_TIMEOUT_MS }));
}

/**
 * Switches a machine that is at rest off, a second later, without anything being written. That it returned proves that
 * the machine was told; that it threw (connection-lost) proves nothing.
 * @throws RehomeError source-busy when it is not at rest, connection-lost, command-timeout, command-failed
 */
export async function powerOff(host: Host): Promise<void> {
  const busy = await writableMounts(host);
  if (busy.length > 0) {
    throw new RehomeError("source-busy", `not at rest: ${busy.join(" ")} can still be written to`, {
      machine: host.name,
      remedy: "run rehome rollback, then the cutover again",
    });
  }
  await sysrq(host, "o");
}

/** How long a machine may take to say that it goes, or to go, in ms. */
const GONE_TIMEOUT_MS = 10_000;

/**
 * Answers first and acts a second later, by itself: whoever gets the answer knows that the machine goes, whatever
 * becomes of the network. A connection that breaks before says nothing.
 */
const GOES_BY_ITSELF = `trap '' HUP; (sleep 1; echo "$1" >/proc/sysrq-trigger) </dev/null >/dev/null 2>&1 & echo going`;

async function sysrq(host: Host, key: "b" | "o"): Promise<void> {
  const argv = ["sh", "-c", GOES_BY_ITSELF, "sh", key];
  const answer = await runChecked(host, argv, { timeoutMs: GONE_TIMEOUT_MS });
  if (answer.trim() === "going") return;
  throw new RehomeError("command-failed", "did not say that it goes", { machine: host.name, output: answer.trim() });
}

/** Runs what makes the machine go away: before it could answer, which is what was asked for, or a moment after. */
async function expectLoss(work: () => Promise<RunResult>): Promise<void> {
  try {
    const result = await work();
    if (result.exitCode !== 0 && result.exitCode < 128) {
      throw new RehomeError("command-failed", `${result.argv[0] ?? ""} ended with exit code ${result.exitCode}`, {
        output: result.stderr.trim(),
      });
    }
  } catch (thrown) {
    const expected = thrown instanceof RehomeError && ["connection-lost", "command-timeout"].includes(thrown.code);
    if (!expected) throw thrown;
  }
}

/** The machine's boot id: another one after a restart. */
export async function bootIdOf(host: Host): Promise<string> {
  return (await runChecked(host, ["cat", "/proc/sys/kernel/random/boot_id"])).trim();
}
