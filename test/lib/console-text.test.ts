import assert from "node:assert/strict";
import { consoleTail, plainConsole } from "../../src/lib/console-text.js";

describe("a console as plain text", () => {
  for (const [what, given, text] of [
    ["colours", "[\x1b[0;32m  OK  \x1b[0m] Started\r\n", "[  OK  ] Started\n"],
    ["a cursor that moves", "one\x1b[2;1Htwo\x1b[2Jthree", "one\ntwo\nthree"],
    ["a title, a bell, and other orders to a terminal", "\x1b]0;x\x07a\x1b(Bb\x1b[?25lc\x1bcd", "]0;xabcd"],
    ["half an escape at its end", "x\x1b[", "x["],
    ["bytes that are no text", "\x00\x7f\x9b31mé\ufffdx", "31mx"],
  ] as const) {
    it(`without ${what}`, () => assert.equal(plainConsole(given), text));
  }

  it("ends with its last lines that say something", () => {
    assert.equal(consoleTail("a\n\nb  \r\n\r\n\x1b[0m\nc\n\n", 2), "b\nc");
    assert.equal(consoleTail("", 5), "");
  });
});
