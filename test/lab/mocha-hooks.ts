import { formatError, RehomeError } from "../../src/lib/errors.js";

/** Mocha shows only an error's message; what the failed program said is the half that helps, of hooks as well. */
export function mochaGlobalSetup(this: Mocha.Runner): void {
  this.on("fail", (_test, error: unknown) => {
    if (isRehomeError(error)) console.log(formatError(error).replace(/^/gm, "      "));
  });
}

/** By name: mocha may load this file and the tests' in two ways, each with a class of its own. */
function isRehomeError(error: unknown): error is RehomeError {
  return error instanceof Error && error.constructor.name === RehomeError.name;
}
