import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { buffer, text } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { setTimeout as sleep } from "node:timers/promises";
import fc from "fast-check";
import type { ErrorCode } from "../../../../src/lib/error-codes.js";
import { RehomeError } from "../../../../src/lib/errors.js";
import { connectSsh } from "../../../../src/lib/host/ssh/index.js";
import type { Host } from "../../../../src/lib/host/types.js";
import { hasSshd, startSshd, type TestSshd } from "../../../helpers/sshd.js";
import { startTcpProxy } from "../../../helpers/tcp-proxy.js";

function isError(code: ErrorCode, message = /./): (error: unknown) => boolean {
  return (error) => error instanceof RehomeError && error.code === code && message.test(error.message);
}

/** The port of a proxy is not in known_hosts, so the key is new there. */
const viaProxy = { acceptNewHostKey: true };

/** Whether anything still runs whose command line has the text. */
function runs(needle: string): boolean {
  return readdirSync("/proc").some((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(needle);
    } catch {
      return false;
    }
  });
}

describe("a machine over SSH", function () {
  let server: TestSshd;
  let host: Host;
  before(async function () {
    if (!hasSshd()) {
      console.log("      skipped: openssh-server is not installed");
      this.skip();
    }
    server = await startSshd({ config: ["MaxSessions 4"] });
    host = await connectSsh(server.target);
  });
  after(async () => {
    await host.close();
    await server.stop();
  });

  describe("runs programs", () => {
    it("with their output, exit code and input", async () => {
      const result = await host.run(["sh", "-c", "cat; echo problem >&2; exit 3"], { input: "data" });
      assert.deepEqual({ ...result, argv: [] }, { argv: [], exitCode: 3, stdout: "data", stderr: "problem\n" });
      assert.equal((await host.run(["cat"])).stdout, "", "without input there is an empty one");
    });

    it("with exit codes as a shell reports them", async () => {
      assert.equal((await host.run(["no-such-program-here"])).exitCode, 127);
      assert.equal((await host.run([server.folder])).exitCode, 126);
      for (const [signal, number] of Object.entries({ KILL: 9, TERM: 15, SEGV: 11, PIPE: 13 })) {
        assert.equal((await host.run(["sh", "-c", `kill -${signal} $$`])).exitCode, 128 + number, signal);
      }
    });

    it("with any argument and variable as it is", async () => {
      const word = fc.string({ unit: "binary", maxLength: 20 }).map((raw) => raw.replaceAll(/\0|\p{Surrogate}/gu, ""));
      await fc.assert(
        fc.asyncProperty(fc.array(word, { maxLength: 3 }), word, async (words, value) => {
          const script = 'printf "%s\\0" "$@" "$VALUE"';
          const result = await host.run(["sh", "-c", script, "sh", ...words], { env: { VALUE: value } });
          assert.deepEqual(result.stdout.split("\0").slice(0, -1), [...words, value]);
        }),
        { numRuns: 25 },
      );
    });

    it("but not what cannot be run", async () => {
      await assert.rejects(host.run([]), isError("internal"));
      await assert.rejects(host.run(["a=b"]), isError("usage", /a=b/));
      await assert.rejects(host.run(["true"], { env: { "A;reboot": "" } }), isError("usage", /A;reboot/));
      await assert.rejects(host.run(["true", "\0"]), isError("usage", /NUL/));
      await assert.rejects(host.run(["true", "x".repeat(130 * 1024)]), isError("usage", /longer than 128 KiB/));
      assert.equal((await host.run(["echo", "x".repeat(120 * 1024)])).exitCode, 0);
    });

    it("and finds those of administrators", async () => {
      assert.match((await host.run(["sh", "-c", "echo $PATH"])).stdout, /:\/usr\/sbin:\/sbin$/m);
    });
  });

  describe("stops programs", () => {
    it("that take too long, children and all", async () => {
      const begun = Date.now();
      const argv = ["sh", "-c", "sleep 71.25 & sleep 71.25; true"];
      await assert.rejects(
        host.run(argv, { timeoutMs: 300 }),
        isError("command-timeout", /sh did not end within 300 ms/),
      );
      assert.ok(Date.now() - begun < 5000);
      assert.ok(!runs("71.25"), "nothing is left on the machine");
    });

    it("that ignore everything and never stop printing", async () => {
      const argv = ["sh", "-c", "trap '' TERM HUP PIPE INT; while :; do echo 71.26; done"];
      await assert.rejects(host.run(argv, { timeoutMs: 300 }), isError("command-timeout"));
      assert.ok(!runs("71.26"));
    });

    it("when told to", async () => {
      const argv = ["sleep", "71.27"];
      await assert.rejects(host.run(argv, { signal: AbortSignal.timeout(200) }), isError("cancelled"));
      await assert.rejects(host.run(argv, { signal: AbortSignal.abort() }), isError("cancelled"));
      assert.ok(!runs("71.27"));

      const process = await host.start(["sleep", "71.28"]);
      process.kill();
      assert.equal(await process.exited, 137);
      assert.ok(!runs("71.28"));

      const abortable = await host.start(["sleep", "71.29"], { signal: AbortSignal.timeout(200) });
      await assert.rejects(abortable.exited, isError("cancelled"));
    });
  });

  describe("streams", () => {
    it("large outputs and inputs, byte for byte, at the same time", async () => {
      const data = randomBytes(24 * 1024 * 1024);
      const process = await host.start(["sh", "-c", "tee /dev/stderr"]);
      const [, out, err] = await Promise.all([
        pipeline([data], process.stdin),
        buffer(process.stdout),
        buffer(process.stderr),
      ]);
      assert.ok(data.equals(out));
      assert.ok(data.equals(err));
      assert.equal(await process.exited, 0);
    });

    it("only as fast as they are read", async () => {
      const process = await host.start(["sh", "-c", "dd if=/dev/zero bs=1M count=200 2>/dev/null"]);
      const before = globalThis.process.memoryUsage().rss;
      await sleep(500);
      assert.ok(globalThis.process.memoryUsage().rss - before < 60 * 1024 * 1024, "what nobody reads is not fetched");
      let bytes = 0;
      for await (const chunk of process.stdout as AsyncIterable<Buffer>) bytes += chunk.length;
      assert.equal(bytes, 200 * 1024 * 1024);
      assert.equal(await process.exited, 0);
    });

    it("only as fast as the program takes them", async () => {
      const process = await host.start(["sh", "-c", "sleep 0.5; sha256sum"]);
      const chunk = Buffer.alloc(1024 * 1024, 7);
      const hash = createHash("sha256");
      let waited = false;
      for (let index = 0; index < 32; index++) {
        hash.update(chunk);
        if (process.stdin.write(chunk)) continue;
        waited = true;
        await new Promise((resolve) => process.stdin.once("drain", resolve));
      }
      process.stdin.end();
      assert.ok(waited);
      assert.equal((await text(process.stdout)).split(" ")[0], hash.digest("hex"));
    });

    it("and says when a program did not read everything", async () => {
      const process = await host.start(["head", "-c", "10"]);
      process.stdout.resume();
      process.stderr.resume();
      const endless = new PassThrough();
      const writer = setInterval(() => endless.write(Buffer.alloc(1024 * 1024)), 1);
      try {
        await assert.rejects(pipeline(endless, process.stdin), /ended before it had read|premature close|destroyed/i);
        assert.equal(await process.exited, 0);
      } finally {
        clearInterval(writer);
      }
    });

    it("several at once, and says when there are too many", async () => {
      const three = await Promise.all([1, 2, 3].map(() => host.start(["cat"])));
      assert.equal((await host.run(["echo", "fourth"])).stdout, "fourth\n");
      const fourth = await host.start(["cat"]);
      await assert.rejects(host.run(["true"]), isError("session-limit", /no more sessions/));
      for (const process of [...three, fourth]) {
        process.stdin.end("x");
        assert.equal(await text(process.stdout), "x");
        assert.equal(await process.exited, 0);
      }
      assert.equal((await host.run(["true"])).exitCode, 0, "and there is room again");
    });
  });

  describe("has files", () => {
    const names = ["plain", 'it\'s $(reboot) `x` "q" *;&|', "-n", "line\nbreak", "ä€💾"];
    for (const name of names) {
      it(`named ${JSON.stringify(name)}`, async () => {
        const path = join(server.folder, name);
        const data = Buffer.concat([randomBytes(3000), Buffer.from([0, 10, 255])]);
        await host.writeFile(path, data, 0o640);
        assert.ok((await host.readFile(path)).equals(data));
        assert.ok(readFileSync(path).equals(data));
        assert.equal(statSync(path).mode & 0o777, 0o640);
        await host.writeFile(path, "");
        assert.equal((await host.readFile(path)).length, 0);
        assert.equal(statSync(path).mode & 0o777, 0o644);
      });
    }

    it("that are left alone when they cannot be replaced", async () => {
      const folder = join(server.folder, "folder");
      mkdirSync(folder);
      await assert.rejects(host.writeFile(folder, "x"), isError("file-unwritable", /is a directory/));
      await assert.rejects(host.writeFile(join(server.folder, "none/x"), "x"), isError("file-unwritable"));
      await assert.rejects(host.writeFile("/proc/version", "x"), isError("file-unwritable"));
      await assert.rejects(host.readFile(join(server.folder, "none")), isError("file-unreadable", /No such file/));
      assert.deepEqual(
        readdirSync(server.folder).filter((name) => name.endsWith(".tmp")),
        [],
        "no temporary file is left",
      );
    });
  });

  describe("on a bad network", () => {
    it("tells a cut-off stream from a complete one", async () => {
      const proxy = await startTcpProxy({ targetPort: server.port });
      const remote = await connectSsh({ ...server.target, port: proxy.port }, viaProxy);
      const process = await remote.start(["cat", "/dev/zero"]);
      const waiting = remote.run(["sleep", "30"]);
      proxy.cutAfter(5_000_000);
      const read = (async () => {
        for await (const chunk of process.stdout as AsyncIterable<Buffer>) assert.ok(chunk.length > 0);
      })();
      await assert.rejects(read, isError("connection-lost"));
      await assert.rejects(process.exited, isError("connection-lost"));
      await assert.rejects(waiting, isError("connection-lost"));
      await assert.rejects(remote.run(["true"]), isError("connection-lost"));
      await assert.rejects(remote.readFile("/etc/passwd"), isError("connection-lost"));
      await remote.close();
      await proxy.stop();
    });

    it("never replaces a file by the first half of its new content", async () => {
      const proxy = await startTcpProxy({ targetPort: server.port, bytesPerSecond: 4_000_000 });
      const remote = await connectSsh({ ...server.target, port: proxy.port }, viaProxy);
      const path = join(server.folder, "kept");
      writeFileSync(path, "old");
      const writing = remote.writeFile(path, Buffer.alloc(20_000_000, 1));
      writing.catch(() => undefined);
      await sleep(1000);
      proxy.cut();
      await assert.rejects(writing, isError("connection-lost"));
      await sleep(500);
      assert.equal(readFileSync(path, "utf8"), "old");
      await proxy.stop();
    });

    it("notices a dead peer", async () => {
      const proxy = await startTcpProxy({ targetPort: server.port });
      const options = { ...viaProxy, keepaliveMs: 200 };
      const remote = await connectSsh({ ...server.target, port: proxy.port }, options);
      const waiting = remote.run(["sleep", "30"]);
      waiting.catch(() => undefined);
      await sleep(1500);
      assert.equal((await remote.run(["echo", "alive"])).stdout, "alive\n", "silence of programs is no silence");
      proxy.blackhole();
      const begun = Date.now();
      await assert.rejects(waiting, isError("connection-lost", /no sign of life/));
      assert.ok(Date.now() - begun < 10_000, "with the usual 4 s it takes five times 4 s at most");
      await proxy.stop();
    });

    it("is patient with a slow one", async () => {
      const proxy = await startTcpProxy({ targetPort: server.port, bytesPerSecond: 1_000_000, delayMs: 20 });
      const options = { ...viaProxy, keepaliveMs: 200 };
      const remote = await connectSsh({ ...server.target, port: proxy.port }, options);
      const result = await remote.run(["head", "-c", "3000000", "/dev/zero"]);
      assert.equal(result.stdout.length, 3_000_000);
      await remote.close();
      await proxy.stop();
    });

    it("says so when sshd's process dies", async () => {
      const fresh = await startSshd();
      const remote = await connectSsh(fresh.target);
      const waiting = remote.run(["sleep", "30"]);
      setTimeout(() => fresh.killConnections(), 300);
      await assert.rejects(waiting, isError("connection-lost"));
      await remote.close();
      await fresh.stop();
    });
  });

  it("is closed once, and stays so", async () => {
    const remote = await connectSsh(server.target);
    const waiting = remote.run(["sleep", "5"]);
    waiting.catch(() => undefined);
    await sleep(100);
    await remote.close();
    await remote.close();
    await assert.rejects(waiting, isError("connection-lost", /was closed/));
    await assert.rejects(remote.run(["true"]), isError("connection-lost"));
  });

  it("goes on when the keys of the connection are renewed in the middle", async () => {
    const fresh = await startSshd({ config: ["RekeyLimit 2M"] });
    const remote = await connectSsh(
      { ...fresh.target, knownHosts: join(fresh.folder, "new") },
      { acceptNewHostKey: true },
    );
    const result = await remote.run(["head", "-c", "20000000", "/dev/zero"]);
    assert.equal(result.stdout.length, 20_000_000);
    await remote.close();
    await fresh.stop();
  });
});
