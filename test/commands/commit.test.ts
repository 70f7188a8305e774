import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guestStore, type GuestStore } from "../../src/migrators/guest-store.js";
import { rehome } from "../helpers/rehome.js";

describe("rehome commit", () => {
  let folder: string;
  let config: string;
  let store: GuestStore;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-commit-"));
    config = join(folder, "rehome.yaml");
    await writeFile(
      config,
      `version: 1
sources: { old: { address: "root@127.0.0.1:1" } }
target: { volumes: ${folder}/volumes, state: ${folder}/state, libvirt: "test:///default" }
guests: { web1: { source: old } }
`,
    );
    store = guestStore(join(folder, "state"), "web1");
    await store.append({ type: "state", at: 0, state: "cutting-over" });
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("is the end of it", async () => {
    await store.append({ type: "state", at: 1, state: "cut-over" });
    const ran = await rehome("commit", "web1", "--config", config);
    assert.equal(ran.status, 0, ran.stderr);
    assert.match(ran.stdout, /^next: rehome cluster status$/m);
  });

  it("says what is still to be done for a host that was away", async () => {
    await store.append({ type: "registered", at: 1, undefinedOn: ["beta"] });
    await store.append({ type: "state", at: 1, state: "cut-over" });
    const ran = await rehome("commit", "web1", "--config", config);
    assert.equal(ran.status, 0, ran.stderr);
    assert.match(ran.stdout, /^next: rehome cluster add web1 once beta is back, then rehome cluster status$/m);
    const again = await rehome("commit", "web1", "--config", config);
    assert.match(again.stderr, /cannot commit a guest that is committed \[wrong-state\]/);
  });
});
