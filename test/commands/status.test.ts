import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { rehome } from "../helpers/rehome.js";
import { writeTwoGuests } from "../helpers/two-guests.js";

describe("rehome status", () => {
  let folder: string;
  let config: string;
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-status-"));
    config = await writeTwoGuests(folder);
    for (const [guest, text] of [
      ["db1", '{"type":"state","at":1,"sta\n{"type":"state","at":2,"state":"staged"}\n'],
      ["web1", '{"type":"state","at":1,"state":"staged"}\n{"type":"state","at":2,"st'],
    ] as const) {
      await mkdir(join(folder, "state", "guests", guest), { recursive: true });
      await writeFile(join(folder, "state", "guests", guest, "journal.jsonl"), text);
    }
  });
  after(() => rm(folder, { recursive: true, force: true }));

  it("tells of every guest whose journal can be read, and of the others why not", async () => {
    const ran = await rehome("status", "--config", config);
    assert.match(ran.stdout, /^web1: the source counts/m);
    assert.match(ran.stderr, /^db1: .*journal\.jsonl:1: the journal has a damaged record \[journal-corrupt\]$/m);
    assert.notEqual(ran.status, 0);
    const json = await rehome("status", "--json", "--config", config);
    const { guests, unknown } = JSON.parse(json.stdout) as {
      guests: { guest: string }[];
      unknown: Record<string, { error: { code: string } }>;
    };
    assert.deepEqual(
      guests.map(({ guest }) => guest),
      ["web1"],
    );
    assert.equal(unknown["db1"]?.error.code, "journal-corrupt");
    assert.equal(json.status, ran.status);
  });

  it("shows nothing that acts on a terminal, whoever wrote it", async () => {
    const file = join(folder, "state", "guests", "web1", "journal.jsonl");
    const before = await readFile(file);
    const because = "login\u0008\u009b2J\u001b]52;c;cm0=\u0007";
    const rehearsal = { at: 1, outcome: "boots", because, emulated: false };
    await writeFile(
      file,
      `${JSON.stringify({ type: "state", at: 1, state: "staged" })}\n${JSON.stringify({ type: "rehearsal", at: 2, rehearsal })}\n`,
    );
    try {
      const { stdout } = await rehome("status", "web1", "--config", config);
      assert.match(stdout, /\(login\?\?2J/);
      assert.doesNotMatch(stdout, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f]/);
    } finally {
      await writeFile(file, before);
    }
  });

  it("tells of guests that were taken out of rehome.yaml, as long as their move is not over", async () => {
    const state = join(folder, "more");
    const path = join(folder, "fewer.yaml");
    await writeFile(path, `version: 1\nsources: {}\ntarget: { state: ${state} }\nguests: {}\n`);
    const none = await rehome("status", "--config", path);
    assert.equal(none.status, 0, none.stderr);
    for (const [guest, said] of [
      ["gone", "cut-over"],
      ["over", "committed"],
    ] as const) {
      await mkdir(join(state, "guests", guest), { recursive: true });
      const record = `${JSON.stringify({ type: "state", at: 1, state: said })}\n`;
      await writeFile(join(state, "guests", guest, "journal.jsonl"), record);
    }
    const { stdout } = await rehome("status", "--config", path);
    assert.match(stdout, /^gone: the guest counts \(the source is off\)$/m);
    assert.match(stdout, /next: write gone into .*fewer\.yaml again, as it was, then rehome commit gone/);
    assert.doesNotMatch(stdout, /^over/m);
  });

  it("of one guest is the error itself", async () => {
    const ran = await rehome("status", "db1", "--config", config);
    assert.match(ran.stderr, /journal-corrupt/);
    assert.notEqual(ran.status, 0);
  });
});
