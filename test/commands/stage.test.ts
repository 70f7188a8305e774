import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehome } from "../helpers/rehome.js";

describe("rehome stage", () => {
  let folder: string;
  let config: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-stage-"));
    config = join(folder, "rehome.yaml");
    await writeFile(
      config,
      `version: 1
sources:
  old:
    address: root@127.0.0.1:1
target:
  volumes: ${folder}/volumes
  state: ${folder}/state
  libvirt: test:///default
guests:
  web1:
    source: old
`,
    );
  });
  after(() => rm(folder, { recursive: true, force: true }));

  for (const [flags, status, said] of [
    [["web2"], 3, /there is no guest "web2"[\s\S]*web1/],
    [["web1", "--until-dirty", "many"], 2, /"many" is no size/],
    [["web1", "--bwlimit", "0"], 2, /nothing would ever arrive/],
    [["web1", "--passes", "0"], 2, /passes/],
    [["web1"], 4, /host-unreachable/],
  ] as const) {
    it(`${flags.join(" ")}: exit status ${status}`, async () => {
      const ran = await rehome("stage", ...flags, "--config", config);
      assert.match(ran.stderr, said);
      assert.equal(ran.status, status, ran.stderr);
    });
  }
});
