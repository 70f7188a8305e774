import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehome } from "../helpers/rehome.js";

describe("rehome cutover", () => {
  let folder: string;
  let config: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-cutover-"));
    config = join(folder, "rehome.yaml");
    await writeFile(
      config,
      `version: 1
sources: { old: { address: "root@127.0.0.1:1" } }
target: { volumes: ${folder}/volumes, state: ${folder}/state, libvirt: "test:///default" }
guests: { web1: { source: old }, db1: { source: old } }
`,
    );
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const [flags, status, said] of [
    [["web1", "--at", "soon"], 2, /"soon" is no time[\s\S]*02:30/],
    [["web1", "--at", "2020-01-01T02:30"], 2, /has passed/],
    [["web1", "--max-downtime", "long"], 2, /"long" is no duration/],
    [["web2"], 3, /there is no guest "web2"/],
    [["web1"], 5, /not-staged/],
  ] as const) {
    it(`${flags.join(" ")}: exit status ${status}`, async () => {
      const ran = await rehome("cutover", ...flags, "--config", config);
      assert.match(ran.stderr, said);
      assert.equal(ran.status, status, ran.stderr);
    });
  }
});
