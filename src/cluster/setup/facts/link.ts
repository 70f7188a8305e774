import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import { RehomeError } from "../../../lib/errors.js";
import type { Host } from "../../../lib/host/types.js";
import { readTemplate } from "../../../lib/templates.js";
import type { LinkFacts } from "./types.js";

const SECONDS = 2;
const WAIT_S = 10;
/** Bytes a second: a little more than 100 Mbit/s carries. */
export const TOO_SLOW = 15e6;
const TRIES = 3;
/** A machine that has less of its processors' time left was the bottleneck itself. */
const BUSY = 0.1;

/** One end of a measurement. */
export interface LinkEnd {
  readonly host: Host;
  /** On the network that is measured. */
  readonly address: string;
}

/**
 * Measures what a network carries from one machine to the other: TCP for two seconds, between their addresses on it. What
 * looks too slow is measured again, and the best counts: other traffic and busy processors make a network look slow, and
 * nothing makes a slow one look fast.
 * @throws RehomeError connection-lost, cancelled
 */
export async function measureLink(from: LinkEnd, to: LinkEnd, signal?: AbortSignal): Promise<LinkFacts> {
  let best = await measureOnce(from, to, signal);
  for (let tries = 1; tries < TRIES && best.rate !== undefined && best.rate < TOO_SLOW; tries += 1) {
    const next = await measureOnce(from, to, signal);
    if ((next.rate ?? 0) > best.rate) best = next;
  }
  return best;
}

/** What templates/cluster/measure-link.py prints. */
interface Measured {
  readonly bytes: number;
  readonly seconds: number;
  /** From 0 to 1. */
  readonly idle: number;
}

async function measureOnce(from: LinkEnd, to: LinkEnd, signal?: AbortSignal): Promise<LinkFacts> {
  const script = await readTemplate("cluster/measure-link.py");
  const token = randomBytes(16).toString("hex");
  const server = await to.host.start(["python3", "-c", script], { ...(signal && { signal }) });
  server.stdin.on("error", () => undefined);
  const said: string[] = [];
  server.stderr.on("data", (data: Buffer) => said.push(data.toString()));
  const lines = createInterface({ input: server.stdout })[Symbol.asyncIterator]();
  try {
    server.stdin.end(`${JSON.stringify({ role: "server", token, address: to.address, wait: WAIT_S })}\n`);
    const port = Number((await lines.next()).value);
    if (!Number.isInteger(port)) return failed(`${to.host.name} cannot listen on ${to.address}`, said.join(""));
    const order = { role: "client", token, address: to.address, from: from.address, port };
    const client = await from.host.run(["python3", "-c", script], {
      input: `${JSON.stringify({ ...order, wait: WAIT_S, seconds: SECONDS })}\n`,
      timeoutMs: (SECONDS + 2 * WAIT_S) * 1000,
      ...(signal && { signal }),
    });
    if (client.exitCode !== 0) return failed(`${from.host.name} does not reach ${to.address}`, client.stderr);
    const { bytes, seconds, idle } = JSON.parse(String((await lines.next()).value)) as Measured;
    const sender = JSON.parse(client.stdout) as Pick<Measured, "idle">;
    return { rate: bytes / seconds, busy: Math.min(idle, sender.idle) < BUSY, failure: undefined };
  } catch (error) {
    if (error instanceof RehomeError && error.code === "command-timeout") {
      return failed(`${from.host.name} does not reach ${to.address}`, "no answer");
    }
    throw error;
  } finally {
    server.kill();
    await server.exited.catch(() => undefined);
  }
}

/** The last line of what a Python program says is what is wrong. */
function failed(what: string, output: string): LinkFacts {
  const reason = output.trim().split("\n").at(-1) ?? "";
  return { rate: undefined, busy: false, failure: reason === "" ? what : `${what}: ${reason}` };
}
