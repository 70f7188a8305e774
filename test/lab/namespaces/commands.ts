import { fileURLToPath } from "node:url";
import type { RunResult } from "../../../src/lib/host/types.js";
import type { NamespaceNode } from "./cluster.js";

export const REHOME = fileURLToPath(new URL("../../../bin/dev.js", import.meta.url));
export const ENVIRONMENT = { NODE_ENV: "production", PATH: `${process.env["PATH"] ?? ""}:/usr/sbin:/sbin` };
const LIMIT_MS = 180_000;

/** Types a command on a node: `rehome cluster status` in a process of its own, with the node's files and network. */
export function rehomeOn(node: NamespaceNode, command: string, ...argv: readonly string[]): Promise<RunResult> {
  return node.host.run([process.execPath, REHOME, ...command.split(" "), ...argv], {
    env: ENVIRONMENT,
    timeoutMs: LIMIT_MS,
  });
}
