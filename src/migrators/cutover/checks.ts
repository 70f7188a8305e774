import type { CheckConfig } from "../../lib/config/schema.js";
import { delay } from "../../lib/delay.js";
import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { probeTcp } from "../../lib/probe-tcp.js";

const ATTEMPT_MS = 3000;
const PAUSE_MS = 500;

/** A check in words: `tcp 192.0.2.10:22`. */
export function describeCheck(check: CheckConfig): string {
  if ("tcp" in check) return `tcp ${check.tcp}`;
  if ("http" in check) return `http ${check.http}`;
  return `ping ${check.ping}`;
}

/** Tries a check once, from the target. @returns what is wrong, or undefined when it answered */
export async function tryCheck(check: CheckConfig, target: Host): Promise<string | undefined> {
  if ("tcp" in check) {
    const { host, port } = splitEndpoint(check.tcp);
    const answer = await probeTcp(host, port, ATTEMPT_MS);
    return answer === "open" ? undefined : answer === "refused" ? "the port is closed" : "no answer";
  }
  if ("ping" in check) {
    const result = await target.run(["ping", "-n", "-c", "1", "-W", "2", "--", check.ping]);
    if (result.exitCode === 0) return undefined;
    return result.exitCode === 127 ? "ping is not installed" : "no answer";
  }
  return tryHttp(check.http);
}

async function tryHttp(url: string): Promise<string | undefined> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(ATTEMPT_MS), redirect: "manual" });
    await response.body?.cancel();
    return response.status < 400 ? undefined : `status ${response.status}`;
  } catch (thrown) {
    return thrown instanceof Error ? thrown.message : String(thrown);
  }
}

/** `host:port` or `[v6]:port`. @throws RehomeError config-invalid */
export function splitEndpoint(endpoint: string): { readonly host: string; readonly port: number } {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]]+)):(\d{1,5})$/.exec(endpoint);
  const host = match?.[1] ?? match?.[2];
  const port = Number(match?.[3]);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new RehomeError("config-invalid", `"${endpoint}" is no host:port`, { remedy: "write it as 192.0.2.10:22" });
  }
  return { host, port };
}

/**
 * Waits until every check has answered.
 * @throws RehomeError guest-silent naming the checks that did not
 */
export async function waitForChecks(
  checks: readonly CheckConfig[],
  target: Host,
  options: { readonly timeoutMs: number; readonly signal?: AbortSignal | undefined },
): Promise<void> {
  const until = performance.now() + options.timeoutMs;
  let waiting = checks.map((check) => ({ check, wrong: undefined as string | undefined }));
  while (waiting.length > 0) {
    const tried = await Promise.all(
      waiting.map(async ({ check }) => ({ check, wrong: await tryCheck(check, target) })),
    );
    waiting = tried.filter(({ wrong }) => wrong !== undefined);
    if (waiting.length > 0 && performance.now() > until) {
      throw new RehomeError(
        "guest-silent",
        `no answer within ${options.timeoutMs / 1000} s: ${waiting
          .map(({ check, wrong }) => `${describeCheck(check)} (${wrong ?? ""})`)
          .join(", ")}`,
      );
    }
    if (waiting.length > 0) await delay(PAUSE_MS, options.signal);
  }
}
