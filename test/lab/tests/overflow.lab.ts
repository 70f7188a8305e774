import assert from "node:assert/strict";
import { XEN_GUESTS } from "../images/xen.js";
import type { Machine } from "../machine/machine.js";
import { lostAtEveryStep } from "./cluster/lost-at-every-step.js";
import { GROUP, SourceDomain } from "./figures/source-domain.js";

/** A snapshot gets less than half of it, so that the load fills it. */
const LEFT_MIB = 160;
const WRITTEN_MIB = 200;

const log = (line: string): void => console.log(`        ${line}`);

/** The owner of the volume group needs the room himself, but for some MiB. */
async function takeRoom(dom0: Machine): Promise<void> {
  const vgs = ["vgs", "--noheadings", "--nosuffix", "--units", "m", "-o", "vg_free", GROUP];
  const size = Math.floor(Number(await dom0.check(vgs))) - LEFT_MIB;
  await dom0.check(["lvcreate", "--quiet", "--yes", "--size", `${size}M`, "--name", "owner", GROUP]);
}

/** Once the source is at rest nothing writes that a snapshot could run full of. */
lostAtEveryStep({
  what: "the snapshot that follows the source's changes runs full",
  machine: ({ source }) => source,
  steps: ["preflight", "warm-pass"],
  prepare: takeRoom,
  lose: async (dom0) => {
    // nothing may be left already, when the next snapshot is there
    await dom0.run(["lvcreate", "--quiet", "--yes", "--extents", "100%FREE", "--name", "more", GROUP]);
    const [web1 = assert.fail("there is no web1")] = XEN_GUESTS;
    await new SourceDomain(dom0, web1, log).write(WRITTEN_MIB);
    log(await dom0.check(["dmsetup", "status", "--target", "snapshot"]));
  },
  restore: async (dom0) => {
    await dom0.run(["lvremove", "--quiet", "--yes", `${GROUP}/more`]);
  },
  goesOn: true,
  says: /ran full/,
});
