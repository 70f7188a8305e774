import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehome } from "../../helpers/rehome.js";
import { writeTwoGuests } from "../../helpers/two-guests.js";

describe("signals", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-signals-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  const counted = (): readonly number[] =>
    ["SIGINT", "SIGTERM", "SIGHUP"].map((signal) => process.listenerCount(signal));

  it("are listened to as long as a command runs, however it ends", async () => {
    const config = await writeTwoGuests(folder);
    const before = counted();
    assert.equal((await rehome("status", "--config", config)).status, 0);
    assert.notEqual((await rehome("status", "--config", join(folder, "none.yaml"))).status, 0);
    assert.notEqual((await rehome("status", "--no-such-flag")).status, 0);
    assert.deepEqual(counted(), before);
  });
});
