import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { applySteps } from "../../../src/cluster/setup/apply.js";
import { ownFile } from "../../../src/cluster/setup/steps/make.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { writeRemoteFile } from "../../../src/lib/host/ssh/files.js";
import type { Host } from "../../../src/lib/host/types.js";
import { silentReport } from "../../../src/lib/report.js";

describe("a file that a machine of the cluster gets", () => {
  const here = localHost("alpha");
  /** Written as over SSH. */
  const there: Host = {
    ...here,
    writeFile: (...file) => writeRemoteFile((...program) => here.run(...program), "alpha", ...file),
  };
  const options = { report: silentReport, journal: { append: () => Promise.resolve() } };
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-apply-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  for (const [how, host] of Object.entries({ local: here, "over SSH": there })) {
    it(`has its folder made where there is none (${how})`, async () => {
      const path = join(folder, "guests", "web1.xml");
      const steps = [ownFile("alpha", path, "# Written by rehome\n", "it is needed", { mode: 0o600 })];
      assert.equal(await applySteps(steps, new Map([["alpha", host]]), options), 1);
      assert.equal(await readFile(path, "utf8"), "# Written by rehome\n");
      assert.equal((await stat(path)).mode & 0o777, 0o600);
    });
  }

  it("is an error where it cannot be written", async () => {
    await writeFile(join(folder, "guests"), "a file");
    const steps = [ownFile("alpha", join(folder, "guests", "web1.xml"), "x", "it is needed")];
    await assert.rejects(applySteps(steps, new Map([["alpha", there]]), options), { code: "command-failed" });
  });
});
