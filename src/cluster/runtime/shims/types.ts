import type { CibStore } from "../../cib/store.js";
import type { ClusterNode } from "../../cib/status.js";
import type { Attributes } from "../attributes.js";

/** A call of one of Pacemaker's tools, as an agent made it. */
export interface ToolRequest {
  readonly tool: string;
  readonly argv: readonly string[];
  /** Of the agent's environment, what the tools look at. */
  readonly env: Readonly<Record<string, string>>;
}

export interface ToolAnswer {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What the tools work on. */
export interface ToolContext {
  readonly node: ClusterNode;
  readonly store: CibStore;
  readonly attributes: Attributes;
}

export type Tool = (request: ToolRequest, context: ToolContext) => Promise<ToolAnswer>;

/** Pacemaker's exit statuses (crm_exit_e), as far as agents look at them. */
export const CRM_EXIT = { ok: 0, error: 1, usage: 64, noSuch: 105, unsupported: 3 } as const;

export function printed(stdout: string): ToolAnswer {
  return { code: CRM_EXIT.ok, stdout, stderr: "" };
}

export function refused(code: number, stderr: string): ToolAnswer {
  return { code, stdout: "", stderr: `${stderr}\n` };
}
