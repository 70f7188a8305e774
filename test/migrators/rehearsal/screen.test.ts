import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { SCREEN_BYTES, screenText } from "../../../src/migrators/rehearsal/screen.js";

/** A screen in text mode: grey on black. */
function screen(lines: readonly string[]): Buffer {
  const memory = Buffer.alloc(SCREEN_BYTES);
  for (let cell = 0; cell < SCREEN_BYTES / 2; cell += 1) {
    const character = lines[Math.floor(cell / 80)]?.charCodeAt(cell % 80);
    memory[cell * 2] = character === undefined || Number.isNaN(character) ? 0x20 : character;
    memory[cell * 2 + 1] = 0x07;
  }
  return memory;
}

describe("a guest's screen in text mode", () => {
  it("is read line by line", () => {
    assert.equal(screenText(screen(["GRUB loading.", "", "grub rescue> "])), "GRUB loading.\n\ngrub rescue>");
  });

  it("may have frames, which are left out", () => {
    assert.equal(screenText(screen(["\xc9\xcd\xbb", "a menu of some length"])), "\na menu of some length");
  });

  it("is no text when it is empty, a picture, or not all there", () => {
    assert.equal(screenText(screen([])), undefined);
    assert.equal(screenText(Buffer.alloc(SCREEN_BYTES)), undefined);
    assert.equal(screenText(randomBytes(SCREEN_BYTES)), undefined);
    assert.equal(screenText(screen(["grub>"]).subarray(0, 100)), undefined);
  });
});
