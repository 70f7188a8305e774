import { setTimeout as sleep } from "node:timers/promises";
import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import { acquireLock, type Lock } from "../../lib/lock.js";
import { runtimeOf } from "../bundled.js";
import type { ClusterPaths } from "../paths.js";

const SERVICE = "rehome-runtime.service";
const LIMIT = { timeoutMs: 30_000 };
/** What is under way, such as a guest that shuts down, comes to its end first; as in the service's unit. */
const STOP_MS = 600_000;
const POLL_MS = 500;

/** Who runs the bundled runtime on this machine, and whether systemd would start it again. */
export interface RuntimeState {
  /** Of the runtime that answers; undefined when none does. */
  readonly pid?: number;
  /** Whether it stops its resources when it ends; undefined when it does not say. */
  readonly stopsResources?: boolean;
  readonly service: { readonly active: boolean; readonly enabled: boolean };
}

export async function runtimeState(host: Host, paths: ClusterPaths): Promise<RuntimeState> {
  const runtime = await runtimeOf(paths);
  return {
    ...(runtime && { pid: runtime.pid, stopsResources: runtime.stopsResources }),
    service: await serviceState(host),
  };
}

async function serviceState(host: Host): Promise<RuntimeState["service"]> {
  const booted = await host.run(["test", "-d", "/run/systemd/system"], LIMIT); // as sd_booted(3) asks
  if (booted.exitCode !== 0) return { active: false, enabled: false };
  const argv = ["systemctl", "show", "--property", "ActiveState,UnitFileState", SERVICE];
  const shown = await runChecked(host, argv, LIMIT);
  const value = (name: string): string => new RegExp(`^${name}=(.*)$`, "m").exec(shown)?.[1] ?? "";
  return {
    active: !["inactive", "failed", ""].includes(value("ActiveState")),
    enabled: !["", "disabled", "masked", "static"].includes(value("UnitFileState")),
  };
}

/** Why the runtime cannot be ended so that its resources go on; undefined when it can. */
export function stopObjection({ pid, stopsResources }: RuntimeState): string | undefined {
  if (pid === undefined || stopsResources === false) return undefined;
  return stopsResources === true
    ? `the runtime (process ${pid}) was started with --stop-resources: ended now, it would stop everything`
    : `the runtime (process ${pid}) is of an older version: nobody knows whether its end stops everything`;
}

/**
 * Ends the runtime, without its resources, and sees that systemd does not start it again.
 * @returns the runtime's own lock: as long as it is held, no runtime keeps this CIB
 * @throws RehomeError command-failed, command-timeout, locked
 */
export async function endRuntime(host: Host, paths: ClusterPaths, purpose: string): Promise<Lock> {
  const state = await runtimeState(host, paths);
  const { service, pid } = state;
  if (service.active || service.enabled) {
    await runChecked(host, ["systemctl", "disable", "--now", SERVICE], { timeoutMs: STOP_MS + 30_000 });
  } else if (pid !== undefined) {
    await runChecked(host, ["kill", "-TERM", `${pid}`], LIMIT);
  }
  const end = performance.now() + STOP_MS;
  for (;;) {
    try {
      return await acquireLock(paths.runtimeLock, purpose);
    } catch (thrown) {
      if (!(thrown instanceof RehomeError) || thrown.code !== "locked" || performance.now() > end) throw thrown;
    }
    await sleep(POLL_MS);
  }
}

/** The last look before somebody else becomes the manager. @throws RehomeError graduate-halted */
export async function proveEnded(host: Host, paths: ClusterPaths): Promise<void> {
  const { pid, service } = await runtimeState(host, paths);
  if (pid === undefined && !service.active && !service.enabled) return;
  const why = pid === undefined ? `${SERVICE} is ${service.active ? "active" : "enabled"}` : `process ${pid} answers`;
  throw new RehomeError("graduate-halted", `the runtime is back: ${why}; two managers would fight over the resources`, {
    remedy: `systemctl disable --now ${SERVICE}, then run rehome cluster graduate again`,
  });
}
