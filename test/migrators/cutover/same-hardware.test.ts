import assert from "node:assert/strict";
import { hardwareOf, requireSameHardware } from "../../../src/migrators/cutover/same-hardware.js";
import type { CutoverContext } from "../../../src/migrators/cutover/types.js";
import type { Machine, Nic } from "../../../src/migrators/types.js";
import { device, disk, GOOD_DISK, GOOD_MACHINE } from "../plan/good-server.js";

const USED = disk("sdb", { contents: [device("sdb1", { format: "ext4", mountPoint: "/srv" })] });
const EMPTY = disk("sdc", { partitionTable: undefined, contents: [] });
const [CARD] = GOOD_MACHINE.network.nics as [Nic];
const SECOND: Nic = { ...CARD, name: "eth1", mac: "52:54:00:00:00:AA", addresses: [] };

describe("a source that got something since it was staged", () => {
  const context = { session: { guest: "web1", guestConfig: { source: "old" } }, machine: GOOD_MACHINE };

  function look(now: Partial<Machine>, machine: Machine = GOOD_MACHINE): void {
    requireSameHardware({ ...context, machine } as unknown as CutoverContext, hardwareOf({ ...GOOD_MACHINE, ...now }));
  }

  function withCards(...nics: readonly Nic[]): Partial<Machine> {
    return { network: { ...GOOD_MACHINE.network, nics } };
  }

  it("gets no window with a disk or a network card that would stay behind", () => {
    assert.throws(() => look({ disks: [GOOD_DISK, USED] }), {
      code: "source-changed",
      message: "it has what it had not when it was staged: disk sdb (/dev/disk/by-id/ata-sdb)",
      remedy: /run rehome stage web1/,
    });
    assert.throws(() => look(withCards(CARD, SECOND)), /network card with the MAC 52:54:00:00:00:aa/);
  });

  it("is moved when nothing new matters: an empty slot, a card that is down, what was there and is excluded", () => {
    look({});
    look({ disks: [GOOD_DISK, EMPTY], ...withCards(CARD, { ...SECOND, up: false }) });
    look({ disks: [GOOD_DISK, USED] }, { ...GOOD_MACHINE, disks: [GOOD_DISK, USED] });
    look({ disks: [{ ...GOOD_DISK, name: "sdd", path: "/dev/sdd" }] }); // as after a restart
    look(withCards({ ...CARD, mac: CARD.mac.toUpperCase() }));
  });
});
