import type { RehomeError } from "../errors.js";

/** What a command prints under --json when it fails. */
export interface JsonError {
  readonly error: {
    readonly code: string;
    readonly message: string;
    readonly machine?: string;
    readonly path?: string;
    readonly line?: number;
    readonly remedy?: string;
    readonly output?: string;
  };
}

export function errorJson(error: RehomeError): JsonError {
  return {
    error: {
      code: error.code,
      message: error.message,
      ...error.where,
      ...(error.remedy !== undefined && { remedy: error.remedy }),
      ...(error.output !== undefined && { output: error.output }),
    },
  };
}
