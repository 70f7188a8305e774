import { isConnectionError, RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { hasQuorum, readLiveCib } from "./live-cib.js";

/** A member of a cluster that can be asked, once somebody has logged in to it. */
export interface MemberAccess {
  readonly name: string;
  connect(): Promise<Host>;
}

/** Whether a member can be asked no more: another one may be. */
export function isLost(thrown: unknown): thrown is RehomeError {
  if (isConnectionError(thrown)) return true;
  return thrown instanceof RehomeError && ["runtime-unreachable", "command-timeout"].includes(thrown.code);
}

/**
 * The first member that answers and has quorum; when none has, the first that answers.
 * @throws RehomeError cluster-unreachable with what was tried
 */
export async function findMember(members: readonly MemberAccess[]): Promise<Host> {
  const tried: string[] = [];
  let without: Host | undefined;
  for (const member of members) {
    const found = await ask(member, tried);
    if (found === undefined) continue;
    if (found.quorum) {
      await without?.close();
      return found.host;
    }
    if (without === undefined) without = found.host;
    else await found.host.close();
  }
  if (without !== undefined) return without;
  throw new RehomeError("cluster-unreachable", "Pacemaker answers on no host of the cluster", {
    output: tried.join("\n"),
    remedy: "see systemctl status pacemaker on the hosts; --backend bundled is the CIB of the bundled runtime instead",
  });
}

async function ask(member: MemberAccess, tried: string[]): Promise<{ host: Host; quorum: boolean } | undefined> {
  let host: Host | undefined;
  try {
    host = await member.connect();
    const cib = await readLiveCib(host);
    if (cib !== undefined) return { host, quorum: hasQuorum(cib) };
    tried.push(`${member.name}: Pacemaker does not answer there`);
  } catch (thrown) {
    if (!isLost(thrown)) {
      await host?.close();
      throw thrown;
    }
    const { message, remedy } = thrown;
    tried.push(`${member.name}: ${message}${remedy === undefined ? "" : ` (${remedy})`}`);
  }
  await host?.close();
  return undefined;
}
