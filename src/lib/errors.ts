import { printable } from "./printable.js";
import { ERROR_CODES, EXIT_CODES, type ErrorCode } from "./error-codes.js";

/** Where a problem is: as much of it as is known. */
export interface Where {
  /** The machine, as the administrator named it. */
  readonly machine?: string;
  readonly path?: string;
  /** 1-based line in `path`. */
  readonly line?: number;
}

export interface ErrorDetails extends Where {
  /** What the administrator can do about it, in lower case without a full stop. */
  readonly remedy?: string;
  /** What the program that failed said (standard error, trimmed); never contains secrets. */
  readonly output?: string;
  readonly cause?: unknown;
}

/**
 * Every error that `rehome` reports. The message is in lower case without a full stop and names the wrong value;
 * the code is stable and listed in docs/errors.md.
 */
export class RehomeError extends Error {
  override readonly name = "RehomeError";
  readonly code: ErrorCode;
  readonly where: Where;
  readonly remedy: string | undefined;
  readonly output: string | undefined;

  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.where = {
      ...(details.machine !== undefined && { machine: details.machine }),
      ...(details.path !== undefined && { path: details.path }),
      ...(details.line !== undefined && { line: details.line }),
    };
    this.remedy = details.remedy;
    this.output = details.output;
  }

  /** The exit status of a command that ends with this error; see docs/errors.md. */
  get exitCode(): number {
    return EXIT_CODES[ERROR_CODES[this.code].exit].status;
  }
}

/** Whether a machine could not be reached, trusted or logged in to, or was lost: another one may still answer. */
export function isConnectionError(thrown: unknown): thrown is RehomeError {
  if (!(thrown instanceof RehomeError)) return false;
  return ERROR_CODES[thrown.code].exit === "connection" || thrown.code === "connection-lost";
}

/** `machine: path:line: ` as far as it is known, or an empty string. */
export function formatWhere(where: Where): string {
  const place = where.path === undefined ? "" : where.line === undefined ? where.path : `${where.path}:${where.line}`;
  return [where.machine, place].filter((part) => part !== undefined && part !== "").join(": ");
}

/** The error as lines for a person: what, where, what to do, what the failed program said. */
export function formatError(error: RehomeError): string {
  const where = formatWhere(error.where);
  const lines = [`${where === "" ? "" : `${where}: `}${error.message} [${error.code}]`];
  if (error.output !== undefined && error.output !== "") {
    lines.push(...error.output.split("\n").map((line) => `  | ${line}`));
  }
  if (error.remedy !== undefined) lines.push(`  → ${error.remedy}`);
  return printable(lines.join("\n"));
}

/** Any thrown value as an error that can be reported; an unexpected one keeps its stack as the cause. */
export function asRehomeError(thrown: unknown): RehomeError {
  if (thrown instanceof RehomeError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new RehomeError("internal", message, {
    cause: thrown,
    remedy: "this is a fault in rehome; run again with DEBUG=* and report what it prints",
  });
}
