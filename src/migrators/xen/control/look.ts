import { RehomeError } from "../../../lib/errors.js";
import type { Host } from "../../../lib/host/types.js";
import { currentSteps, factOf } from "../../cutover/sequence.js";
import type { SourceLink } from "../../cutover/source-link.js";
import type { CutoverContext } from "../../cutover/types.js";
import { gatherXenHost } from "../gather.js";
import { bootIdOf, requireDomain } from "../inspect.js";
import type { AutoFolders, Domain } from "../types.js";
import type { ControlledDomain } from "./domain.js";

/** A domain as its host knew it when it was looked at. */
export interface Looked {
  readonly domain: ControlledDomain & Pick<Domain, "nics">;
  /** Of its run then; undefined when it was off. */
  readonly id: number | undefined;
  readonly bootId: string;
  readonly auto: AutoFolders;
  /** The connection that it was looked at through: as long as that lives, the host was not restarted. */
  readonly host: Host;
}

/** A look takes its host seconds, which are downtime: what was found last through each link is kept. */
const found = new WeakMap<SourceLink, Looked>();

/**
 * Asks the host through the connection that there is. When that turns out to be broken, all is asked once more through
 * a new one.
 */
export async function ask<T>({ source }: CutoverContext, question: (host: Host) => Promise<T>): Promise<T> {
  try {
    return await question(await source.host());
  } catch (thrown) {
    if (!(thrown instanceof RehomeError) || thrown.code !== "connection-lost") throw thrown;
    await source.drop();
    return question(await source.host());
  }
}

/** The domain as its host knows it now. @throws RehomeError source-unknown, source-unsupported; connection errors */
export function look(context: CutoverContext): Promise<Looked> {
  return ask(context, (host) => lookThrough(context, host));
}

/** What the domain is, which does not change while it is off. */
export async function domainOf(context: CutoverContext): Promise<ControlledDomain> {
  return (found.get(context.source) ?? (await look(context))).domain;
}

/**
 * The run of the domain that is to be ended: that of the preflight, or none any more, because an interrupted cutover may
 * have ended it. Found out before the window, and not again through the same connection: whoever ends it names its id.
 * @throws RehomeError cutover-stale when it is another one, and as {@link look}
 */
export async function presentRun(context: CutoverContext, host: Host): Promise<Looked> {
  const known = found.get(context.source);
  const looked = known?.host === host ? known : await lookThrough(context, host);
  await requireSameRun(context, looked);
  return looked;
}

/** @throws RehomeError cutover-stale */
export async function requireSameRun({ session }: CutoverContext, { bootId }: Looked): Promise<void> {
  const known = factOf(currentSteps(await session.store.records()), "preflight", "bootId");
  if (bootId === known || bootId === "off") return;
  throw new RehomeError("cutover-stale", "the domain was restarted since the cutover began", {
    machine: session.guestConfig.source,
    remedy: "run the same command again",
  });
}

async function lookThrough({ session, signal, source }: CutoverContext, host: Host): Promise<Looked> {
  const { sourceConfig, guestConfig } = session;
  const xen = await gatherXenHost(host, signal);
  const domain = requireDomain(xen, nameOf(sourceConfig), guestConfig.source);
  const { toolstack: tool } = xen;
  const { id, configPath } = domain;
  if (tool === "virsh") {
    throw unsupported(host, guestConfig.source, "the host has neither xl nor xm, which domains are stopped with");
  }
  if (configPath === undefined) {
    const message = `${domain.name} has no file in /etc/xen that it could be started from again`;
    throw unsupported(host, guestConfig.source, message);
  }
  // what stays behind may be another domain's, too
  const disks = domain.disks.filter(({ device }) => !guestConfig.excludeDisks.includes(device));
  const looked = {
    domain: { ...domain, disks, tool, configPath },
    id,
    bootId: bootIdOf(xen, domain),
    auto: xen.auto,
    host,
  };
  found.set(source, looked);
  return looked;
}

function unsupported(host: Host, machine: string, message: string): RehomeError {
  const remedy = `put its configuration there (on ${host.name}), then run the same command again`;
  return new RehomeError("source-unsupported", message, { machine, remedy });
}

/** What the domain is called in its host's list. */
export function nameOf({ domain }: CutoverContext["session"]["sourceConfig"]): string {
  return domain ?? ""; // the schema sees to it that there is one
}
