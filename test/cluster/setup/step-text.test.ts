import assert from "node:assert/strict";
import { stepText, stepTitle } from "../../../src/cluster/setup/steps/text.js";
import type { CommandStep } from "../../../src/cluster/setup/steps/types.js";

const step = (...argv: readonly string[]): CommandStep => ({
  ...{ kind: "command", machine: "alpha", argv, unless: ["true"], why: "guests' volumes are logical volumes of it" },
});

describe("a step as it is shown while it is taken", () => {
  it("is the command, as long as that fits a line", () => {
    assert.equal(stepTitle(step("vgcreate", "vg_guests", "/dev/sdb")), "run vgcreate vg_guests /dev/sdb");
  });

  it("is what a longer command is good for, which a plan shows as a whole", () => {
    const long = step("vgcreate", "--quiet", "--addtag", "rehome", "vg_guests", "/dev/disk/by-id/scsi-0QEMU_QEMU_x");
    assert.equal(stepTitle(long), long.why);
    assert.match(stepText(long), /^run vgcreate --quiet .*_x$/);
  });
});
