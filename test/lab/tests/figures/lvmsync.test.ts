import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { localHost } from "../../../../src/lib/host/local-host.js";
import { realStore, storeOf } from "../../../helpers/exception-store.js";

const PROGRAM = fileURLToPath(new URL("lvmsync.py", import.meta.url));
const CHUNK = 4096;

describe("lvmsync's method", () => {
  let folder: string;
  const path = (name: string): string => join(folder, name);
  before(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-lvmsync-"));
  });
  after(() => rm(folder, { recursive: true }));

  const run = (...argv: readonly string[]): ReturnType<ReturnType<typeof localHost>["run"]> =>
    localHost().run(["python3", PROGRAM, ...argv]);

  async function count(store: Buffer): Promise<string> {
    await writeFile(path("store"), store);
    const { stdout, stderr } = await run("count", path("store"));
    return stdout.trim() + stderr.trim();
  }

  it("counts what changed as a real kernel noted it", async () => {
    assert.equal(await count(realStore()), `${20 * CHUNK}`);
  });

  it("counts over several areas, also in a store that is full to its end", async () => {
    const chunks = (length: number): readonly number[] => Array.from({ length }, (_, index) => index * 3);
    assert.equal(await count(storeOf(CHUNK, chunks(700)).store), `${700 * CHUNK}`);
    assert.equal(await count(storeOf(CHUNK, chunks(256)).store.subarray(0, 258 * CHUNK)), `${256 * CHUNK}`);
    assert.equal(await count(storeOf(CHUNK, []).store), "0");
  });

  it("does not believe a store that overflowed", async () => {
    const { store } = storeOf(CHUNK, [7]);
    store.writeUInt32LE(0, 4);
    assert.match(await count(store), /invalid/);
  });

  it("makes a copy the same again by what changed, and by nothing else", async () => {
    const changed = [9, 2, 299, 300];
    const origin = randomBytes(300 * CHUNK + 512); // its last chunk is not whole
    const copy = Buffer.from(origin);
    for (const chunk of changed) copy.fill(0xaa, chunk * CHUNK, Math.min((chunk + 1) * CHUNK, copy.length));
    await writeFile(path("origin"), origin);
    await writeFile(path("copy"), copy);
    await writeFile(path("store"), storeOf(CHUNK, changed).store);
    const pipe = 'python3 "$1" send "$2" "$3" | tee "$5" | python3 "$1" patch "$4"';
    const files = ["store", "origin", "copy", "stream"].map(path);
    const { exitCode, stderr } = await localHost().run(["sh", "-c", pipe, "sh", PROGRAM, ...files]);
    assert.equal(exitCode, 0, stderr);
    assert.ok((await readFile(path("copy"))).equals(origin));
    assert.equal((await readFile(path("stream"))).length, 3 * CHUNK + 512 + changed.length * 12);
  });
});
