import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { existsSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { RehomeError } from "../../../../src/lib/errors.js";
import { connectSsh } from "../../../../src/lib/host/ssh/index.js";
import { canMakeAccounts, hasSshd, startSshd, type TestAccount, type TestSshd } from "../../../helpers/sshd.js";

const PASSWORD = "correct horse 'battery";

describe("becoming root with sudo", function () {
  const servers: TestSshd[] = [];
  before(function () {
    const missing = [
      ...(hasSshd() ? [] : ["openssh-server"]),
      ...(existsSync("/etc/sudoers") ? [] : ["sudo"]),
      ...(canMakeAccounts() ? [] : ["root with mount namespaces"]),
    ];
    if (missing.length === 0) return;
    console.log(`      skipped: there is no ${missing.join(", no ")}`);
    this.skip();
  });
  afterEach(async () => {
    for (const server of servers.splice(0)) await server.stop();
  });

  async function withSudoers(sudoers: string, more: Partial<TestAccount> = {}): Promise<TestSshd> {
    const server = await startSshd({ account: { name: "mover", password: PASSWORD, sudoers, ...more } });
    servers.push(server);
    return server;
  }
  function passwordFile(server: TestSshd, password = PASSWORD): string {
    const path = join(server.folder, "password");
    writeFileSync(path, `${password}\n`, { mode: 0o600 });
    return path;
  }
  async function refused(server: TestSshd, file?: string): Promise<RehomeError> {
    try {
      await (await connectSsh({ ...server.target, sudo: true, passwordFile: file })).close();
    } catch (error) {
      assert.ok(error instanceof RehomeError && error.remedy !== undefined, String(error));
      assert.doesNotMatch(JSON.stringify(error) + String(error.stack), /battery|staple/);
      assert.equal(error.code, "sudo-failed");
      return error;
    }
    throw new assert.AssertionError({ message: "it became root" });
  }

  const ways = {
    "without a password": { sudoers: "mover ALL=(ALL) NOPASSWD: ALL", withFile: false },
    "without a password though one is at hand": { sudoers: "mover ALL=(ALL) NOPASSWD: ALL", withFile: true },
    "with a password": { sudoers: "mover ALL=(ALL) ALL", withFile: true },
    "with a password that sudo remembers": {
      sudoers: "Defaults timestamp_type=global\nmover ALL=(ALL) ALL",
      withFile: true,
    },
    "with a password for all but some programs": {
      sudoers: "mover ALL=(ALL) ALL\nmover ALL=(ALL) NOPASSWD: /bin/sh, /usr/bin/sh",
      withFile: true,
    },
  };
  for (const [way, { sudoers, withFile }] of Object.entries(ways)) {
    it(`works ${way}, and programs get just their own input`, async () => {
      const server = await withSudoers(sudoers);
      const target = { ...server.target, sudo: true, passwordFile: withFile ? passwordFile(server) : undefined };
      const host = await connectSsh(target);
      assert.equal((await host.run(["id", "-u"])).stdout, "0\n");
      assert.equal((await host.run(["sh", "-c", "exit 7"])).exitCode, 7);
      assert.equal((await host.run(["no-such-program-here"])).exitCode, 127);
      assert.equal(
        (await host.run(["sh", "-c", 'echo "$A $1"', "sh", "it's"], { env: { A: "x y" } })).stdout,
        "x y it's\n",
      );
      assert.equal((await host.run(["cat"], { input: "one\ntwo" })).stdout, "one\ntwo");

      const data = randomBytes(3 * 1024 * 1024);
      const process = await host.start(["cat"]);
      process.stdin.end(data);
      assert.ok((await buffer(process.stdout)).equals(data));

      const path = join(server.folder, "root's file");
      await host.writeFile(path, data, 0o600);
      assert.deepEqual([statSync(path).uid, statSync(path).mode & 0o777], [0, 0o600]);
      assert.ok((await host.readFile(path)).equals(data));

      const begun = Date.now();
      await assert.rejects(host.run(["sleep", "73"], { timeoutMs: 300 }), /did not end within/);
      assert.ok(Date.now() - begun < 5000, "programs of root can be killed too");
      await host.close();
    });
  }

  it("says that a password is wanted, or refused", async () => {
    const server = await withSudoers("mover ALL=(ALL) ALL");
    assert.match((await refused(server)).message, /sudo wants a password/);
    const wrong = await refused(server, passwordFile(server, "wrong staple"));
    assert.match(wrong.message, /refused the password from \S+password/);
  });

  it("says that sudo does not allow it", async () => {
    const server = await withSudoers("");
    const error = await refused(server, passwordFile(server));
    assert.match(error.message, /sudo does not allow it/);
    assert.match(error.remedy ?? "", /mover ALL=\(ALL\) NOPASSWD: ALL/);
  });

  it("says that sudo wants a terminal", async () => {
    const server = await withSudoers("Defaults requiretty\nmover ALL=(ALL) NOPASSWD: ALL");
    const error = await refused(server);
    assert.match(error.message, /sudo wants a terminal/);
    assert.match(error.remedy ?? "", /!requiretty/);
  });

  it("says that a login shell runs no programs", async () => {
    const server = await withSudoers("", { shell: "/usr/sbin/nologin" });
    await assert.rejects(
      connectSsh(server.target),
      (error) =>
        error instanceof RehomeError && error.code === "shell-unusable" && /not available/.test(error.output ?? ""),
    );
  });

  it("says that a login shell adds text to what programs print", async () => {
    const noisy = join(tmpdir(), `noisy-shell-${process.pid}`);
    writeFileSync(noisy, '#!/bin/sh\necho "Welcome!"\nexec /bin/sh "$@"\n', { mode: 0o755 });
    const server = await withSudoers("", { shell: noisy });
    await assert.rejects(
      connectSsh(server.target),
      (error) => error instanceof RehomeError && error.code === "shell-unusable" && error.output === "Welcome!",
    );
    rmSync(noisy);
  });
});
