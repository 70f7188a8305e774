import { strict as assert } from "node:assert";
import { random, ServerGuest } from "../../../helpers/server-guest.js";

interface Doubt {
  /** The volumes about which nothing is known then. */
  readonly of: readonly string[];
  readonly happen: () => void | Promise<void>;
  readonly says: RegExp;
}

describe("a disk with logical volumes, when something is not as it was", function () {
  this.timeout(240_000);
  let machine: ServerGuest;
  afterEach(() => machine.remove());

  const doubts: Readonly<Record<string, Doubt>> = {
    "a volume was moved": {
      of: ["data"],
      happen: () => machine.moveData(120),
      says: /\/dev\/vg0\/data .*lies elsewhere/,
    },
    "a volume was extended": {
      of: ["data"],
      happen: () => void machine.server.volume("data").extents.push(150),
      says: /\/dev\/vg0\/data .*another size/,
    },
    "a volume was made anew": {
      of: ["root"],
      happen: () => void (machine.server.volume("root").uuid = "another"),
      says: /\/dev\/vg0\/root .*another one/,
    },
    "a volume became one of another kind": {
      of: ["root"],
      happen: () => void (machine.server.volume("root").kind = "cache"),
      says: /\/dev\/vg0\/root .*no logical volume of that kind/,
    },
    "the kernel has a volume elsewhere than LVM says": {
      of: ["data"],
      happen: () => void machine.server.mapped.set("vg0-data-real", `vg0-data-real: 0 ${16 * 2048} linear 8:18 4096`),
      says: /\/dev\/vg0\/data .*no logical volume of that kind/,
    },
    "the machine was restarted": {
      of: ["root", "data"],
      happen: () => void (machine.server.bootId = "boot-2"),
      says: /restarted/,
    },
    "a snapshot ran full": {
      of: ["root", "data"],
      happen: () => {
        for (const { snapshot } of machine.server.volumes) if (snapshot) snapshot.state = "Invalid";
      },
      says: /ran full/,
    },
  };
  for (const [when, { of, happen, says }] of Object.entries(doubts)) {
    for (const resting of [false, true]) {
      it(`compares what it does not know ${resting ? "at rest " : ""}when ${when} (rules 5 and 6)`, async () => {
        machine = await ServerGuest.make();
        await machine.stage();
        await unseen(of);
        await happen();
        await (resting ? machine.atRest() : machine.stage());
        assert.match(machine.warnings(), says);
        await machine.assertCopy();
      });
    }
  }

  /** Writes to the volumes of which no snapshot knows. */
  async function unseen(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await machine.server.writeRaw(
        machine.server.place(machine.server.volume(name).extents[9] ?? 0),
        random(17, 5000),
      );
    }
  }
});
