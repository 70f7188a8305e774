import assert from "node:assert/strict";
import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { guestStore, stateOf } from "../../src/migrators/guest-store.js";

describe("what is remembered of a guest", () => {
  let folder: string;
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-store-"));
  });
  afterEach(() => rm(folder, { recursive: true, force: true }));

  it("is what was written", async () => {
    const store = guestStore(folder, "web1");
    await store.append({ type: "state", at: 1, state: "staging" });
    await store.append({ type: "step", at: 2, step: "quiesce", event: "done", facts: { bootId: "x" } });
    await store.append({ type: "state", at: 3, state: "cut-over" });
    assert.equal(stateOf(await store.records()), "cut-over");
  });

  for (const line of [
    "null",
    "42",
    "[]",
    "{}",
    '{"type":"constructor"}',
    '{"type":"state","at":1,"state":"constructor"}',
    '{"type":"state","at":1,"state":"cut-over\\u001b[31m"}',
    '{"type":"step","at":1,"step":"start","event":"maybe"}',
    '{"type":"pass","at":1}',
    '{"type":"planned","at":1}',
    '{"type":"rehearsal","at":1,"rehearsal":{"outcome":"maybe"}}',
  ]) {
    it(`is refused with its line when it is not understood: ${line}`, async () => {
      const store = guestStore(folder, "web1");
      await store.append({ type: "state", at: 1, state: "cut-over" });
      await appendFile(join(store.folder, "journal.jsonl"), `${line}\n`);
      await assert.rejects(store.records(), {
        code: "journal-corrupt",
        where: { path: join(store.folder, "journal.jsonl"), line: 2 },
      });
    });
  }
});
