import { strict as assert } from "node:assert";
import { parseVolumes } from "../../../../src/migrators/staging/tracking/lvm.js";
import { removeSnapshot } from "../../../../src/migrators/staging/tracking/snapshots.js";
import { FakeHost } from "../../../helpers/fake-host.js";

const row = (name: string, uuid: string, tags = "rehome,rehome.guest.web1"): string =>
  `  vg0|group|${name}|${uuid}|16777216|linear|root|${tags}|253|3|/dev/mapper/vg0-x||`;
const NAME = "rehome-web1-root-1";
const FORCED = `lvremove --force --quiet vg0/${NAME}`;

describe("a snapshot on a source whose LVM cannot select what it removes", () => {
  const removed = async (now: string): Promise<readonly string[]> => {
    const [snapshot] = parseVolumes(row(NAME, "one"));
    assert.ok(snapshot);
    const host = new FakeHost("web1")
      .on(/^lvremove .*--select/, { exitCode: 3, stderr: "lvremove: unrecognized option '--select'" })
      .on(/^lvs /, now)
      .on(/^lvremove --force/, "");
    await removeSnapshot(host, snapshot);
    return host.commandLines.filter((line) => line.startsWith("lvremove --force"));
  };

  it("is removed after a look whether it is the one that is meant", async () => {
    assert.deepEqual(await removed(row(NAME, "one")), [FORCED]);
  });

  for (const [name, now] of Object.entries({
    "it is gone": "",
    "another one took its name": row(NAME, "another"),
    "it has another name": row("rehome-web1-root-2", "one"),
    "its tags are gone": row(NAME, "one", ""),
  })) {
    it(`is left alone when ${name}`, async () => assert.deepEqual(await removed(now), []));
  }

  it("is not tried again where LVM failed otherwise", async () => {
    const [snapshot] = parseVolumes(row(NAME, "one"));
    assert.ok(snapshot);
    const host = new FakeHost("web1").on(/^lvremove /, { exitCode: 5, stderr: "in use" });
    await assert.rejects(removeSnapshot(host, snapshot), { code: "command-failed", output: "in use" });
  });
});
