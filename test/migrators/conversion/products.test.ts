import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, stat, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import { productsOf } from "../../../src/migrators/conversion/products.js";
import { guestPlan } from "./fixtures.js";

describe("what conversions keep", () => {
  let parent: string;
  let folder: string;
  beforeEach(async () => {
    parent = await mkdtemp(join(tmpdir(), "rehome-products-"));
    folder = join(parent, "products");
  });
  afterEach(() => rm(parent, { recursive: true }));
  const products = () =>
    productsOf({ plan: guestPlan([]), host: localHost(), workFolder: join(parent, "work"), productsFolder: folder });

  it("is found as it was kept, by its name only, and is nobody else's", async () => {
    const files = [Buffer.from([0, 1, 2]), Buffer.alloc(0), Buffer.alloc(70_000, 7)];
    await products().keep("a@1", files);
    assert.deepEqual(await products().find("a@1"), files);
    assert.equal(await products().find("a@2"), undefined);
    assert.equal((await stat(folder)).mode & 0o777, 0o700);
    assert.equal((await stat(join(folder, "a@1"))).mode & 0o777, 0o600);
  });

  it("goes when something newer replaces it, and only that", async () => {
    for (const name of ["initramfs@6.1@a", "initramfs@6.1@b", "initramfs@6.1.0@a", "other"]) {
      await products().keep(name, [Buffer.from(name)]);
    }
    await products().keep("initramfs@6.1@c", [Buffer.from("c")], "initramfs@6.1@");
    assert.deepEqual((await readdir(folder)).sort(), ["initramfs@6.1.0@a", "initramfs@6.1@c", "other"]);
  });

  it("is not believed when part of it is missing", async () => {
    await products().keep("a", [Buffer.alloc(100, 1), Buffer.alloc(100, 2)]);
    for (const length of [215, 110, 50, 3]) {
      await truncate(join(folder, "a"), length);
      assert.equal(await products().find("a"), undefined);
    }
  });

  it("is nothing without a folder", async () => {
    const none = productsOf({ plan: guestPlan([]), host: localHost(), workFolder: parent });
    await none.keep("a", [Buffer.from("a")]);
    assert.equal(await none.find("a"), undefined);
    assert.deepEqual(await readdir(parent), []);
  });
});
