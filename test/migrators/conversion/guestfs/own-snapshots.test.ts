import assert from "node:assert/strict";
import { removeOwnSnapshots } from "../../../../src/migrators/conversion/guestfs/own-snapshots.js";
import { GuestfishError, type GuestfishSession } from "../../../../src/migrators/conversion/guestfs/session.js";

/** As lvm 2.03.16 prints it: two groups, rehome's snapshots of two guests, and what only looks like them. */
const LISTED = `
  vg-0|c01Hla|before|qASL2g|16777216|linear|data||253|6|/dev/mapper/vg--0-before||
  vg-0|c01Hla|data|6WhUVw|41943040|linear|||253|3|/dev/mapper/vg--0-data||
  vg-0|c01Hla|rehome-web-1-data-1|EmUrvB|16777216|linear|data|rehome,rehome.guest.web-1|253|11|/dev/mapper/vg--0-rehome--web--1--data--1||
  vg-0|c01Hla|rehome-web-1-root-fs-1|m7wt1X|16777216|linear|root-fs|rehome,rehome.guest.web-1|253|9|/dev/mapper/vg--0-rehome--web--1--root--fs--1||
  vg-0|c01Hla|rehome-web-1-srv|jrCl5n|16777216|linear||rehome,rehome.guest.web-1|253|14|/dev/mapper/vg--0-rehome--web--1--srv||
  vg-0|c01Hla|rehome-web-1-root-fs-2|3xuX2O|16777216|linear|root-fs|rehome|253|15|/dev/mapper/vg--0-rehome--web--1--root--fs--2||
  vg-0|c01Hla|rehome-web-1-root-fs-3|3xuX2P|16777216|linear|data|rehome,rehome.guest.web-1|253|16|/dev/mapper/vg--0-rehome--web--1--root--fs--3||
  vg-0|c01Hla|rehome-web-12-data-1|sfKRdr|16777216|linear|data|rehome,rehome.guest.web-12|253|17|/dev/mapper/vg--0-rehome--web--12--data--1||
`;

function sessionThat(answer: (command: string) => string): { session: GuestfishSession; removed: unknown[] } {
  const removed: unknown[] = [];
  const session: GuestfishSession = {
    run: (command, args = []) => {
      if (command === "lvremove") removed.push(...args);
      return Promise.resolve().then(() => Buffer.from(answer(command)));
    },
    kill: () => Promise.resolve(),
  };
  return { session, removed };
}

describe("conversion: rehome's own snapshots", () => {
  it("are known by name, tags and origin together; whatever else there is stays", async () => {
    const { session, removed } = sessionThat((command) => (command === "debug" ? LISTED : ""));
    await removeOwnSnapshots(session, "web-1");
    assert.deepEqual(removed, [
      "/dev/mapper/vg--0-rehome--web--1--data--1",
      "/dev/mapper/vg--0-rehome--web--1--root--fs--1",
    ]);
  });

  it("are an error when they cannot be removed: one of them would be taken for the root", async () => {
    const { session } = sessionThat((command) => {
      if (command === "debug") return LISTED;
      throw new GuestfishError(command, "Logical volume in use");
    });
    await assert.rejects(removeOwnSnapshots(session, "web-1"), {
      code: "conversion-failed",
      message: /vg-0\/rehome-web-1-data-1 cannot be removed/,
      output: "Logical volume in use",
    });
  });
});
