import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cacheFolder } from "./cache.js";
import { cachedImage, pruneImages } from "./image-cache.js";

const DAY_MS = 24 * 60 * 60_000;

describe("the cache of images", () => {
  let home: string | undefined;
  const before = process.env["XDG_CACHE_HOME"];

  beforeEach(async function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: only root builds images, and has any to prune");
      this.skip();
    }
    home = await mkdtemp(join(tmpdir(), "rehome-cache-"));
    process.env["XDG_CACHE_HOME"] = home;
  });
  afterEach(async () => {
    if (before === undefined) delete process.env["XDG_CACHE_HOME"];
    else process.env["XDG_CACHE_HOME"] = before;
    if (home !== undefined) await rm(home, { recursive: true, force: true });
  });

  async function image(name: string, daysAgo: number): Promise<string> {
    const folder = await cachedImage(name, (work) => writeFile(join(work, "disk"), name));
    const then = new Date(Date.now() - daysAgo * DAY_MS);
    await utimes(folder, then, then);
    return folder;
  }

  it("drops what nobody asked for within a day, and nothing else", async () => {
    await image("booted-alpha-0000000000000001", 2);
    await image("booted-alpha-0000000000000002", 0);
    const asked = await image("booted-alpha-0000000000000003", 2);
    await image("booted-beta-0000000000000004", 2);
    await image("booted-alpha-big-0000000000000005", 2);
    await cachedImage("booted-alpha-0000000000000003", () => assert.fail("it is there"));
    assert.ok(Date.now() - (await stat(asked)).mtimeMs < DAY_MS);

    await pruneImages("booted-alpha-");
    const left = (await readdir(join(cacheFolder(), "images"))).filter((name) => !name.endsWith(".lock"));
    assert.deepEqual(left.sort(), [
      "booted-alpha-0000000000000002",
      "booted-alpha-0000000000000003",
      "booted-alpha-big-0000000000000005",
      "booted-beta-0000000000000004",
    ]);
  });
});
