import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { errorsPage } from "../../src/lib/errors-page.js";
import { asRehomeError, formatError, RehomeError } from "../../src/lib/errors.js";

describe("errors", () => {
  it("say where, what, the code, what the program said and what to do", () => {
    const error = new RehomeError("command-failed", "lvs ended with exit code 5", {
      machine: "web1",
      path: "/etc/lvm/lvm.conf",
      line: 3,
      output: "parse error\nsecond line",
      remedy: "mend the file",
    });
    assert.equal(
      formatError(error),
      "web1: /etc/lvm/lvm.conf:3: lvs ended with exit code 5 [command-failed]\n  | parse error\n  | second line\n  → mend the file",
    );
    assert.equal(error.exitCode, 1);
  });

  it("keep an unexpected error as the cause", () => {
    const cause = new TypeError("boom");
    const error = asRehomeError(cause);
    assert.equal(error.code, "internal");
    assert.equal(error.cause, cause);
  });

  it("are all in docs/errors.md (npm run docs)", async () => {
    assert.equal(await readFile("docs/errors.md", "utf8"), errorsPage());
  });
});
