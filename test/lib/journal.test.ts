import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFileSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { RehomeError } from "../../src/lib/errors.js";
import { openJournal, readJournal } from "../../src/lib/journal.js";

describe("the journal", () => {
  let folder: string;
  let path: string;
  let count = 0;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rehome-journal-"));
  });
  beforeEach(() => {
    path = join(folder, `journal-${count++}`);
  });
  after(() => rmSync(folder, { recursive: true }));

  it("is empty before it exists", async () => {
    assert.deepEqual(await readJournal(path), []);
  });

  it("gives back what was appended, over several openings", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.array(fc.jsonValue(), { maxLength: 4 }), { maxLength: 4 }), async (sessions) => {
        path = join(folder, `journal-${count++}`);
        for (const records of sessions) {
          const journal = await openJournal(path);
          for (const record of records) await journal.append(record);
          await journal.close();
        }
        assert.deepEqual(await readJournal(path), JSON.parse(JSON.stringify(sessions.flat())));
      }),
      { numRuns: 30 },
    );
  });

  it("keeps the order of records that are appended at once, and writes them before it closes", async () => {
    const journal = await openJournal<{ index: number; text: string }>(path);
    const records = Array.from({ length: 50 }, (_, index) => ({ index, text: "x".repeat(index * 1000) }));
    const all = records.map((record) => journal.append(record));
    await journal.close();
    await Promise.all(all);
    assert.deepEqual(await readJournal(path), records);
  });

  it("is whole after a crash at any byte", async () => {
    const records = [{ step: "one" }, { step: "zwei ä💾" }, { step: 3, list: [1, 2] }];
    const text = Buffer.from(records.map((record) => `${JSON.stringify(record)}\n`).join(""));
    for (let length = 0; length <= text.length; length++) {
      const torn = text.subarray(0, length);
      const complete = torn.toString("latin1").split("\n").length - 1;
      writeFileSync(path, torn);
      assert.deepEqual(await readJournal(path), records.slice(0, complete));
      const journal = await openJournal(path);
      await journal.append("next");
      await journal.close();
      assert.deepEqual(await readJournal(path), [...records.slice(0, complete), "next"]);
    }
  });

  it("ignores the zeros that some file systems leave at the end after a crash", async () => {
    writeFileSync(path, `{"a":1}\n${"\0".repeat(4096)}`);
    assert.deepEqual(await readJournal(path), [{ a: 1 }]);
  });

  it("says which record is damaged, and neither reads nor opens it", async () => {
    writeFileSync(path, '{"a":1}\n{"b":\n{"c":3}\n');
    for (const touch of [readJournal(path), openJournal(path)]) {
      await assert.rejects(
        touch,
        (error) =>
          error instanceof RehomeError &&
          error.code === "journal-corrupt" &&
          error.where.line === 2 &&
          error.where.path === path,
      );
    }
    assert.equal(readFileSync(path, "utf8"), '{"a":1}\n{"b":\n{"c":3}\n');
  });

  it("takes half a record back when the disk is full, and goes on", () => {
    // A limit on the size of files stops a write in the middle, as a full disk does.
    const script = `
      import { openJournal, readJournal } from "./src/lib/journal.ts";
      process.on("SIGXFSZ", () => {});
      const journal = await openJournal(process.argv[1]);
      await journal.append("first");
      const failed = await journal.append("x".repeat(100000)).then(() => ["written"], (error) => [error.code, error.remedy.split(",")[0]]);
      await journal.append("last");
      await journal.close();
      console.log(JSON.stringify([...failed, await readJournal(process.argv[1])]));`;
    const printed = execFileSync(
      "sh",
      [
        "-c",
        'ulimit -f 8; exec "$@"',
        "sh",
        process.execPath,
        "--import=tsx",
        "--input-type=module",
        "-e",
        script,
        path,
      ],
      { encoding: "utf8" },
    );
    assert.deepEqual(JSON.parse(printed), ["file-unwritable", "make room there", ["first", "last"]]);
  });

  it("is for nobody else to read, and says where it cannot be", async () => {
    await (await openJournal(path)).close();
    assert.equal(statSync(path).mode & 0o777, 0o600);
    appendFileSync(path, "");
    for (const bad of [join(folder, "none", "journal"), folder]) {
      await assert.rejects(openJournal(bad), (error) => error instanceof RehomeError && error.where.path === bad);
    }
  });
});
