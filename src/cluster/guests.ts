import { RehomeError } from "../lib/errors.js";
import type { DomainSpec } from "./libvirt/types.js";
import type { ClusterPaths } from "./paths.js";

/** A guest as a resource of the cluster. */
export interface GuestResource {
  readonly name: string;
  /** Path of its domain XML, as `defineGuest` returned it. */
  readonly domainPath: string;
  /** Libvirt's address, such as `qemu:///system`. */
  readonly libvirt: string;
  /** How long its start and stop may take, in ms. */
  readonly startTimeoutMs?: number;
  readonly stopTimeoutMs?: number;
  readonly monitorIntervalMs?: number;
}

export interface WaitOptions {
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
}

/** What the cluster knows of a guest. */
export interface GuestStatus {
  readonly state: "unregistered" | "unknown" | "stopped" | "running" | "failed";
  /** Where it runs. */
  readonly node?: string;
  /** The last failure of one of its operations, in the agent's own words. */
  readonly failure?: string;
  readonly failCount: number;
}

/**
 * Writes a guest's domain XML below `paths.domains`. Nothing is defined in libvirt: VirtualDomain creates the domain
 * from the file.
 * @returns the file's path
 * @throws RehomeError file-unwritable
 */
export function defineGuest(paths: ClusterPaths, spec: DomainSpec): Promise<string> {
  return notYet(paths.domains, spec.name);
}

/** Removes a guest's domain XML. Nothing happens when there is none. */
export function undefineGuest(paths: ClusterPaths, name: string): Promise<void> {
  return notYet(paths.domains, name);
}

/**
 * Adds a guest to the CIB, stopped: nothing starts it before `startGuest`. The CIB is made when there is none.
 * The same guest registered again is brought up to date.
 * @throws RehomeError cib-invalid, resource-exists, locked, file-unwritable
 */
export function registerGuest(paths: ClusterPaths, guest: GuestResource): Promise<void> {
  return notYet(paths.cib, guest.name);
}

/** Takes a stopped guest out of the CIB. Nothing happens when it is not there. @throws RehomeError resource-active */
export function unregisterGuest(paths: ClusterPaths, name: string): Promise<void> {
  return notYet(paths.cib, name);
}

/**
 * Asks for a guest to run, and waits until it does.
 * @throws RehomeError runtime-not-running, resource-unknown, resource-failed with the agent's own error,
 *   command-timeout, cancelled
 */
export function startGuest(paths: ClusterPaths, name: string, options: WaitOptions): Promise<GuestStatus> {
  return notYet(paths.cib, name, options);
}

/** Asks for a guest to stop, and waits until it has. @throws as startGuest */
export function stopGuest(paths: ClusterPaths, name: string, options: WaitOptions): Promise<GuestStatus> {
  return notYet(paths.cib, name, options);
}

/** What the cluster knows of a guest now. `unknown` when no runtime keeps the cluster. */
export function guestStatus(paths: ClusterPaths, name: string): Promise<GuestStatus> {
  return notYet(paths.cib, name);
}

/** @throws RehomeError runtime-not-running, with the remedy */
export function requireRuntime(paths: ClusterPaths): Promise<void> {
  return notYet(paths.socket, "");
}

function notYet(path: string, ...what: unknown[]): Promise<never> {
  return Promise.reject(new RehomeError("internal", `not yet: ${JSON.stringify(what)}`, { path }));
}
