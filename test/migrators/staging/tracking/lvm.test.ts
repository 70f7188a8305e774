import { strict as assert } from "node:assert";
import { listVolumes } from "../../../../src/migrators/staging/tracking/lvm.js";
import { FakeHost } from "../../../helpers/fake-host.js";

/** As lvm 2.03.16 prints it, with warnings among the rows as old versions have them. */
const LISTED = `  File descriptor 63 leaked
  vg-0|c01H-laj9|root-fs|3xuX-2OO5|104857600|linear|||253|0|/dev/mapper/vg--0-root--fs||
  vg-0|c01H-laj9|root-fs|3xuX-2OO5|104857600|striped|||253|0|/dev/mapper/vg--0-root--fs||
  vg-0|c01H-laj9|rehome-web1-root-fs-1|m7wt-1Xx6|16777216|linear|root-fs|rehome,rehome.guest.web1|-1|-1|/dev/mapper/vg--0-rehome--web1--root--fs--1||
`;

describe("logical volumes of a source", () => {
  it("are read with all their segments, tags, and whether they are active", async () => {
    const volumes = (await listVolumes(new FakeHost("web1").on(/^lvs /, LISTED))) ?? [];
    assert.deepEqual(
      volumes.map(({ name, kinds, origin, tags, device, dmName }) => [name, kinds, origin, tags, device, dmName]),
      [
        ["root-fs", ["linear", "striped"], "", [], "253:0", "vg--0-root--fs"],
        [
          "rehome-web1-root-fs-1",
          ["linear"],
          "root-fs",
          ["rehome", "rehome.guest.web1"],
          undefined,
          "vg--0-rehome--web1--root--fs--1",
        ],
      ],
    );
  });

  it("are none where there is no LVM, and an error where it does not tell: unknown never means absent (rule 6)", async () => {
    assert.equal(await listVolumes(new FakeHost("web1").on(/^lvs /, { exitCode: 127 })), undefined);
    await assert.rejects(listVolumes(new FakeHost("web1").on(/^lvs /, { exitCode: 5, stderr: "no device-mapper" })), {
      code: "command-failed",
      output: "no device-mapper",
    });
  });
});
