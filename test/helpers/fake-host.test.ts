import assert from "node:assert/strict";
import { RehomeError } from "../../src/lib/errors.js";
import { FakeHost } from "./fake-host.js";

describe("the fake host", () => {
  it("answers by exact argv, expression and function, in the order of the rules", async () => {
    const host = new FakeHost("web1")
      .once(["uname", "-r"], "5.10\n")
      .on(["uname", "-r"], "6.1\n")
      .on(/^lsblk /, { exitCode: 1, stderr: "no\n" })
      .on(
        (argv) => argv[0] === "cat",
        (call) => `got ${call.input.toString()}`,
      );
    assert.equal((await host.run(["uname", "-r"])).stdout, "5.10\n");
    assert.equal((await host.run(["uname", "-r"])).stdout, "6.1\n");
    assert.deepEqual(await host.run(["lsblk", "-J"]), {
      argv: ["lsblk", "-J"],
      exitCode: 1,
      stdout: "",
      stderr: "no\n",
    });
    assert.equal((await host.run(["cat"], { input: "x" })).stdout, "got x");
    assert.deepEqual(host.commandLines, ["uname -r", "uname -r", "lsblk -J", "cat"]);
  });

  it("names a program that it was not told about", async () => {
    const host = new FakeHost("web1").on(["true"], "");
    await assert.rejects(host.run(["rm", "-rf", "/"]), /web1 was not told about: \["rm","-rf","\/"\]/);
    await assert.rejects(host.start(["true", "x"]), /not told about/);
  });

  it("streams what a started program prints and keeps what it was sent", async () => {
    const host = new FakeHost().on(["dd"], { stdout: Buffer.from([0, 255]), stderr: "e", exitCode: 3 });
    const process = await host.start(["dd"]);
    process.stdin.end("abc");
    const chunks: Buffer[] = [];
    for await (const chunk of process.stdout) chunks.push(chunk as Buffer);
    assert.deepEqual(Buffer.concat(chunks), Buffer.from([0, 255]));
    assert.equal(await process.exited, 3);
    assert.equal(host.calls[0]?.input.toString(), "abc");
  });

  it("keeps files, and says which one there is not", async () => {
    const host = new FakeHost("web1");
    await host.writeFile("/etc/x", "data", 0o600);
    assert.equal((await host.readFile("/etc/x")).toString(), "data");
    assert.equal(host.modes.get("/etc/x"), 0o600);
    await assert.rejects(
      host.readFile("/etc/y"),
      (error) => error instanceof RehomeError && error.code === "file-unreadable" && error.where.path === "/etc/y",
    );
  });

  it("breaks when told to", async () => {
    const lost = new RehomeError("connection-lost", "the connection broke", { machine: "web1" });
    await assert.rejects(new FakeHost("web1").on(/./, lost).run(["true"]), lost);
  });
});
