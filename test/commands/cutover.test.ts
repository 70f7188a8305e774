import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehome } from "../helpers/rehome.js";
import { writeTwoGuests } from "../helpers/two-guests.js";

describe("rehome cutover", () => {
  let folder: string;
  let config: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-cutover-"));
    config = await writeTwoGuests(folder);
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("several guests: none begins when one is not staged, and each is accounted for", async () => {
    const ran = await rehome("cutover", "web1", "db1", "--config", config);
    assert.equal(ran.status, 5, ran.stderr);
    assert.match(ran.stdout, /^guest +outcome +downtime$/m);
    assert.match(ran.stdout, /^web1 +failed \[not-staged\] +-$/m);
    assert.match(ran.stderr, /^web1: web1 has no complete copy yet \[not-staged\]$/m);
    const json = await rehome("cutover", "web1", "db1", "--keep-going", "--json", "--config", config);
    const { guests } = JSON.parse(json.stdout) as { guests: Record<string, { error?: { code: string } }> };
    assert.deepEqual(Object.keys(guests), ["web1", "db1"]);
    assert.equal(guests["db1"]?.error?.code, "not-staged");
    assert.equal(json.status, 5);
  });

  it("one guest named twice is one", async () => {
    const ran = await rehome("cutover", "web1", "web1", "--json", "--config", config);
    assert.equal((JSON.parse(ran.stdout) as { error?: { code: string } }).error?.code, "not-staged");
  });

  for (const [flags, status, said] of [
    [["web1", "--at", "soon"], 2, /"soon" is no time[\s\S]*02:30/],
    [["web1", "--at", "2020-01-01T02:30"], 2, /has passed/],
    [["web1", "--max-downtime", "long"], 2, /"long" is no duration/],
    [["web2"], 3, /there is no guest "web2"/],
    [["web1"], 5, /not-staged/],
    [["web1", "db2"], 3, /there is no guest "db2"[\s\S]*db1/],
    [["web1", "db1", "--parallel", "0"], 2, /parallel/],
    [["web1", "--kep-going"], 2, /keep-going/],
    [["web1", "db1", "--source-is-off"], 2, /a word about one source/],
  ] as const) {
    it(`${flags.join(" ")}: exit status ${status}`, async () => {
      const ran = await rehome("cutover", ...flags, "--config", config);
      assert.match(ran.stderr, said);
      assert.equal(ran.status, status, ran.stderr);
    });
  }
});
