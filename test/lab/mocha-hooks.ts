import { formatError, RehomeError } from "../../src/lib/errors.js";

/** Mocha shows only an error's message; what the failed program said is the half that helps. */
export const mochaHooks: Mocha.RootHookObject = {
  afterEach(this: Mocha.Context) {
    const err: unknown = this.currentTest?.err;
    if (err instanceof RehomeError) console.log(formatError(err).replace(/^/gm, "      "));
  },
};
