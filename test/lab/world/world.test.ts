import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { mkdtemp } from "node:fs/promises";
import { delay } from "../../../src/lib/delay.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { endWorld, findWorld, startWorld, worldHost } from "./world.js";

describe("the lab's world", function () {
  let folder: string;

  before(async function () {
    if (process.getuid?.() !== 0) {
      console.log("      skipped: only root can make namespaces");
      this.skip();
    }
    folder = await mkdtemp("/var/tmp/rehome-world-");
  });
  afterEach(() => endWorld(folder));

  it("has two networks of its own, and is found by whoever did not start it", async () => {
    const world = await startWorld(folder);
    const links = await runChecked(worldHost(world), ["ip", "-brief", "address"]);
    assert.deepEqual(
      links
        .trim()
        .split("\n")
        .map((line) => line.split(/\s+/)[0]),
      ["lo", "lan", "backplane"],
    );
    assert.match(links, /^lan .*192\.0\.2\.1\/24/m);
    assert.deepEqual(await findWorld(folder), world);
    assert.deepEqual(await startWorld(folder), world);
  });

  it("ends with everything that runs in it, also in the background and deaf to signals", async () => {
    const world = await startWorld(folder);
    const script = 'trap "" TERM HUP INT; setsid sleep 1000 >/dev/null 2>&1 & echo $!';
    await runChecked(worldHost(world), ["sh", "-c", script]);
    const seen = (await runChecked(worldHost(world), ["pgrep", "-c", "sleep"])).trim();
    assert.equal(seen, "2"); // process 1 has one, too
    await endWorld(folder);
    assert.equal(await findWorld(folder), undefined);
    assert.equal(existsSync(folder), false);
    assert.equal(existsSync(`/proc/${world.init}`), false);
  });

  it("is ended although who started it, and waits outside for its end, was killed", async () => {
    const world = await startWorld(folder);
    const status = readFileSync(`/proc/${world.init}/status`, "utf8");
    process.kill(Number(/^PPid:\s+(\d+)$/m.exec(status)?.[1]), "SIGKILL");
    await endWorld(folder);
    // It has let go of its memory, and with that of its name, while it still waits for the last of its own to go; and
    // nobody may have been told yet that it ended.
    const until = Date.now() + 10_000;
    while (isAlive(world.init)) {
      assert.ok(Date.now() < until, "it is still there");
      await delay(50);
    }
  });
});

function isAlive(pid: number): boolean {
  return existsSync(`/proc/${pid}`) && /^State:\s+[^Z]/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
}
