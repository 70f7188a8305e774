import { isConnectionError, RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import type { XmlElement } from "../../lib/xml.js";
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

/** A member that answers, and what did not before it. */
export interface FoundMember {
  readonly host: Host;
  /** What it answered. */
  readonly cib: XmlElement;
  /** `alpha: no route to host`, each a line. */
  readonly unreached: readonly string[];
}

/**
 * The first member that answers and has quorum; when none has, the first that answers.
 * @throws RehomeError cluster-unreachable with what was tried
 */
export async function findMember(members: readonly MemberAccess[]): Promise<FoundMember> {
  const tried: Tried[] = [];
  let without: Answer | undefined;
  for (const member of members) {
    const found = await ask(member, tried);
    if (found === undefined) continue;
    if (hasQuorum(found.cib)) {
      await without?.host.close();
      return { ...found, unreached: tried.map(lineOf) };
    }
    if (without === undefined) without = found;
    else await found.host.close();
  }
  if (without !== undefined) return { ...without, unreached: tried.map(lineOf) };
  throw new RehomeError("cluster-unreachable", "Pacemaker answers on no host of the cluster", {
    output: tried.map((one) => `${lineOf(one)}${one.remedy === undefined ? "" : ` (${one.remedy})`}`).join("\n"),
    remedy:
      "see systemctl status pacemaker on the hosts; what the bundled runtime keeps is shown with --backend bundled",
  });
}

interface Tried {
  readonly name: string;
  readonly message: string;
  readonly remedy?: string | undefined;
}

function lineOf({ name, message }: Tried): string {
  return `${name}: ${message}`;
}

type Answer = Pick<FoundMember, "host" | "cib">;

async function ask(member: MemberAccess, tried: Tried[]): Promise<Answer | undefined> {
  let host: Host | undefined;
  try {
    host = await member.connect();
    const cib = await readLiveCib(host);
    if (cib !== undefined) return { host, cib };
    tried.push({ name: member.name, message: "Pacemaker does not answer there" });
  } catch (thrown) {
    if (!isLost(thrown)) {
      await host?.close();
      throw thrown;
    }
    tried.push({ name: member.name, message: thrown.message, remedy: thrown.remedy });
  }
  await host?.close();
  return undefined;
}
