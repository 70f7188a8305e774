import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { RehomeError } from "../../../src/lib/errors.js";
import type { ErrorCode } from "../../../src/lib/error-codes.js";
import { localHost } from "../../../src/lib/host/local-host.js";

function isError(code: ErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof RehomeError && error.code === code && message.test(error.message);
}

describe("this machine", () => {
  const host = localHost("here");
  let folder: string;
  before(() => {
    folder = mkdtempSync(join(tmpdir(), "rehome-local-"));
  });
  after(() => rmSync(folder, { recursive: true }));

  describe("runs programs", () => {
    it("with their output, exit code, input and variables", async () => {
      const argv = ["sh", "-c", 'cat; echo "$A" >&2; exit 3'];
      const result = await host.run(argv, { input: "da\nta\n", env: { A: "b c" } });
      assert.deepEqual(result, { argv, exitCode: 3, stdout: "da\nta\n", stderr: "b c\n" });
      assert.equal((await host.run(["cat"])).stdout, "", "without input there is an empty one");
    });

    it("with exit codes as a shell reports them", async () => {
      assert.equal((await host.run(["no-such-program-here"])).exitCode, 127);
      assert.equal((await host.run([folder])).exitCode, 126);
      assert.equal(await (await host.start(["no-such-program-here"])).exited, 127);
      for (const [signal, number] of Object.entries({ KILL: 9, TERM: 15, SEGV: 11 })) {
        assert.equal((await host.run(["sh", "-c", `kill -${signal} $$`])).exitCode, 128 + number, signal);
      }
    });

    it("with arguments that a shell would take for something else", async () => {
      const words = ["$(reboot)", "`x`", "it's", "a b", "*", "", "-n", "\n", "ä💾"];
      const { stdout } = await host.run(["printf", "%s\\0", ...words]);
      assert.deepEqual(stdout.split("\0").slice(0, -1), words);
    });

    it("with input that they do not read", async () => {
      const result = await host.run(["true"], { input: Buffer.alloc(4 * 1024 * 1024) });
      assert.equal(result.exitCode, 0);
    });

    it("but not what cannot be run", async () => {
      await assert.rejects(host.run([]), isError("internal"));
    });
  });

  describe("stops programs", () => {
    it("that take too long, also when a child holds their output", async () => {
      const begun = Date.now();
      const argv = ["sh", "-c", "sleep 74.25 & sleep 74.25; true"];
      await assert.rejects(
        host.run(argv, { timeoutMs: 200 }),
        isError("command-timeout", /sh did not end within 200 ms/),
      );
      assert.ok(Date.now() - begun < 5000);
      assert.equal((await host.run(["pgrep", "-f", "sleep 74[.]25"])).stdout, "", "nothing is left");
    });

    it("that ignore SIGTERM", async () => {
      const begun = Date.now();
      const argv = ["sh", "-c", "trap '' TERM; while :; do sleep 0.05; done"];
      await assert.rejects(host.run(argv, { timeoutMs: 200 }), isError("command-timeout"));
      assert.ok(Date.now() - begun < 15_000);
    });

    it("when told to", async () => {
      await assert.rejects(host.run(["sleep", "20"], { signal: AbortSignal.timeout(100) }), isError("cancelled"));
      await assert.rejects(host.run(["sleep", "20"], { signal: AbortSignal.abort() }), isError("cancelled"));
      const killed = await host.start(["sleep", "20"]);
      killed.kill();
      assert.equal(await killed.exited, 137);
      const aborted = await host.start(["sleep", "20"], { signal: AbortSignal.timeout(100) });
      await assert.rejects(aborted.exited, isError("cancelled"));
    });

    it("that print without end", async function () {
      this.timeout(120_000);
      const argv = ["cat", "/dev/zero"];
      await assert.rejects(host.run(argv), isError("output-unreadable", /cat printed more than 256 MiB/));
    });
  });

  it("streams large inputs and outputs byte for byte", async () => {
    const data = randomBytes(20 * 1024 * 1024);
    const process = await host.start(["bash", "-c", "tee >(cat >&2); wait"]);
    const [, out, err] = await Promise.all([
      pipeline([data], process.stdin),
      buffer(process.stdout),
      buffer(process.stderr),
    ]);
    assert.ok(data.equals(out) && data.equals(err));
    assert.equal(await process.exited, 0);
  });

  describe("has files", () => {
    it("that are replaced at once, with the mode", async () => {
      const path = join(folder, "it's a $file");
      await host.writeFile(path, "one");
      assert.equal(statSync(path).mode & 0o777, 0o644);
      const before = statSync(path).ino;
      await host.writeFile(path, Buffer.from([0, 255]), 0o600);
      assert.deepEqual(await host.readFile(path), Buffer.from([0, 255]));
      assert.equal(statSync(path).mode & 0o777, 0o600);
      assert.notEqual(statSync(path).ino, before, "it is a new file, not the old one changed");
    });

    it("that are whole, whoever writes at the same time", async () => {
      const path = join(folder, "contended");
      const texts = Array.from({ length: 20 }, (_, index) => `${index}`.repeat(100_000));
      await Promise.all(texts.map((text) => host.writeFile(path, text)));
      assert.ok(texts.includes(readFileSync(path, "utf8")));
    });

    it("that are left alone when they cannot be written", async () => {
      mkdirSync(join(folder, "sub"));
      await assert.rejects(host.writeFile(join(folder, "sub"), "x"), isError("file-unwritable"));
      await assert.rejects(host.writeFile(join(folder, "none/x"), "x"), isError("file-unwritable"));
      await assert.rejects(host.writeFile("/proc/version", "x"), isError("file-unwritable"));
      await assert.rejects(host.readFile(join(folder, "none")), isError("file-unreadable", /no such file/));
      assert.deepEqual(
        readdirSync(folder).filter((name) => name.endsWith(".tmp")),
        [],
      );
    });

    it("and does not write through a link that somebody laid for the temporary one", async () => {
      const victim = join(folder, "victim");
      await host.writeFile(victim, "precious");
      const path = join(folder, "target");
      symlinkSync(victim, `${path}.rehome-${process.pid}.tmp`);
      await host.writeFile(path, "new");
      assert.equal(readFileSync(victim, "utf8"), "precious");
      rmSync(`${path}.rehome-${process.pid}.tmp`);
    });
  });
});
