import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { commandLine } from "../../../../src/lib/host/ssh/quote.js";

/** Text with everything that a shell or a terminal might take for something else. */
const nasty = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: fc.constantFrom(..."'\"\\`$!*?[]{}()<>|&;~# \t\n\r-=%^ä€\u{1f4be}\u0001\u007f".split("")) }),
);

describe("quoting for a shell", () => {
  for (const shell of ["sh", "bash"]) {
    it(`gives ${shell} every argument as it is`, () => {
      fc.assert(
        fc.property(fc.array(nasty, { maxLength: 5 }), (words) => {
          const argv = words.map((word) => word.replaceAll(/\0|\p{Surrogate}/gu, ""));
          const line = commandLine(["printf", "%s\\0", ...argv, "end"]);
          const printed = execFileSync(shell, ["-c", line], { encoding: "utf8" });
          assert.deepEqual(printed.split("\0").slice(0, -1), [...argv, "end"]);
        }),
        { numRuns: 300 },
      );
    });
  }

  it("keeps plain words plain", () => {
    assert.equal(commandLine(["dd", "if=/dev/sda", "bs=1M"]), "dd if=/dev/sda bs=1M");
    assert.equal(commandLine(["", "it's"]), "'' 'it'\\''s'");
  });

  it("refuses what no argument can hold", () => {
    assert.throws(() => commandLine(["a\0b"]), /NUL/);
    assert.throws(() => commandLine(["\ud800"]), /no valid text/);
  });
});
