import assert from "node:assert/strict";
import { doubtAbout } from "../../../src/migrators/rehearsal/doubt.js";

const TORN = "/dev/vda1: UNEXPECTED INCONSISTENCY; RUN fsck MANUALLY.\nYou are in emergency mode\n";

describe("whether a guest that did not boot may be blamed for it", () => {
  for (const [what, console, late, emulated, doubted] of [
    ["a prompt of GRUB's", "grub rescue>", false, true, false],
    ["nothing in time, with KVM", "", true, false, false],
    ["nothing in time, emulated", "", true, true, true],
    ["a copy with damaged file systems", TORN, false, false, true],
  ] as const) {
    it(`${what}: ${doubted ? "not for certain" : "yes"}`, () => {
      assert.equal(doubtAbout({ console, late }, emulated) !== undefined, doubted);
    });
  }
});
