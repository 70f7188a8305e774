import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehome } from "../helpers/rehome.js";
import { writeTwoGuests } from "../helpers/two-guests.js";

describe("rehome cleanup", () => {
  let folder: string;
  let config: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-cleanup-"));
    config = await writeTwoGuests(folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("of all guests accounts for each one whose source cannot be reached", async () => {
    const ran = await rehome("cleanup", "--config", config);
    assert.equal(ran.status, 4);
    assert.match(ran.stderr, /^db1: .*\[host-unreachable\]$/m);
    assert.match(ran.stderr, /^web1: .*\[host-unreachable\]$/m);
    const json = await rehome("cleanup", "--json", "--config", config);
    const said = JSON.parse(json.stdout) as { guests: unknown[]; failed: Record<string, { error: { code: string } }> };
    assert.deepEqual(said.guests, []);
    assert.deepEqual(Object.keys(said.failed), ["db1", "web1"]);
    assert.equal(json.status, 4);
  });

  it("of one guest ends with its error", async () => {
    const ran = await rehome("cleanup", "web1", "--json", "--config", config);
    assert.equal((JSON.parse(ran.stdout) as { error: { code: string } }).error.code, "host-unreachable");
    assert.equal(ran.status, 4);
  });
});
