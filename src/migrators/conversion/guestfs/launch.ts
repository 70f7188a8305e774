import { RehomeError } from "../../../lib/errors.js";
import type { Host } from "../../../lib/host/types.js";
import { GuestfishError, startGuestfish, type GuestfishSession, type SessionOptions } from "./session.js";

/** About 8 s of emulation on an idle machine, 25 s on a busy one. */
export const START_TIMEOUT_MS = 180_000;

/** An appliance that runs. */
export interface Launched {
  readonly session: GuestfishSession;
  /** Ends it at once, if it has not ended. */
  readonly kill: () => Promise<void>;
}

export interface LaunchOptions extends SessionOptions {
  /** guestfish's commands before the start, such as those that add disks. */
  readonly commands: readonly (readonly [string, ...string[]])[];
  /** A word of QEMU's command line that no other program's has. */
  readonly mark: string;
  readonly timeoutMs?: number;
}

/** @throws RehomeError appliance-failed, command-timeout, cancelled */
export async function launch(options: LaunchOptions): Promise<Launched> {
  const { host, mark, timeoutMs = START_TIMEOUT_MS } = options;
  const session = await startGuestfish(options);
  try {
    for (const [command, ...args] of options.commands) await session.run(command, args);
    await run(session, host, timeoutMs);
    const pid = (await session.run("get-pid")).toString("latin1").trim();
    return { session, kill: () => end(session, host, pid, mark) };
  } catch (thrown) {
    await session.kill();
    throw thrown;
  }
}

async function run(session: GuestfishSession, host: Host, timeoutMs: number): Promise<void> {
  try {
    await session.run("run", [], timeoutMs);
  } catch (thrown) {
    const output =
      thrown instanceof GuestfishError ? thrown.reason : thrown instanceof RehomeError ? thrown.message : undefined;
    if (output === undefined || (thrown instanceof RehomeError && thrown.code === "cancelled")) throw thrown;
    throw new RehomeError("appliance-failed", "the libguestfs appliance does not start", {
      machine: host.name,
      output,
      remedy: "see what `libguestfs-test-tool` says on the target; the staged volumes are as they were",
      cause: thrown,
    });
  }
}

/**
 * Ends what still runs. guestfish's own watchdog ends a QEMU without a guestfish after two seconds, in which the overlays
 * would still be in use.
 */
async function end(session: GuestfishSession, host: Host, pid: string, mark: string): Promise<void> {
  if (/^\d+$/.test(pid) && mark !== "") {
    const ours = await host.run(["grep", "-qaF", "-e", mark, "--", `/proc/${pid}/cmdline`]);
    if (ours.exitCode === 0) await host.run(["kill", "-KILL", pid]);
  }
  await session.kill();
}
