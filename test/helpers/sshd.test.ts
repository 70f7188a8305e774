import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { canMakeAccounts, hasSshd, startSshd, type TestSshd } from "./sshd.js";
import { startTcpProxy } from "./tcp-proxy.js";

const exec = promisify(execFile);

/** OpenSSH's own client, so that the helper is not only tested against our code. */
function ssh(server: TestSshd, port: number, ...command: string[]): Promise<{ stdout: string; stderr: string }> {
  const options = [
    `HostKeyAlias=[127.0.0.1]:${server.port}`,
    `UserKnownHostsFile=${server.knownHosts}`,
    "BatchMode=yes",
  ];
  return exec(
    "ssh",
    [
      ...["-F", "none", "-p", `${port}`, "-i", server.identity],
      ...options.flatMap((option) => ["-o", option]),
      `${server.user}@${server.host}`,
      ...command,
    ],
    { maxBuffer: 64 * 1024 * 1024 },
  );
}

describe("the sshd and proxy helpers", function () {
  let server: TestSshd;
  before(async function () {
    if (!hasSshd()) {
      console.log("      skipped: openssh-server is not installed");
      this.skip();
    }
    server = await startSshd({ hostKeys: ["rsa", "ed25519"] });
  });
  after(() => server.stop());

  it("let OpenSSH's client in, until the host keys change", async () => {
    assert.equal((await ssh(server, server.port, "echo", "hello")).stdout, "hello\n");
    await server.rotateHostKeys();
    await assert.rejects(ssh(server, server.port, "true"), /REMOTE HOST IDENTIFICATION HAS CHANGED/);
  });

  it("pass, count and cut", async () => {
    const fresh = await startSshd();
    const proxy = await startTcpProxy({ targetPort: fresh.port });
    assert.equal((await ssh(fresh, proxy.port, "head -c 200000 /dev/zero")).stdout.length, 200_000);
    assert.ok(proxy.bytes.down > 200_000);
    proxy.cutAfter(1_000_000);
    await assert.rejects(ssh(fresh, proxy.port, "cat", "/dev/zero"), /reset|closed|broken pipe/i);
    const running = ssh(fresh, fresh.port, "echo started >&2; sleep 60");
    setTimeout(() => fresh.killConnections(), 1000);
    await assert.rejects(running, /closed|reset/i);
    await proxy.stop();
    await fresh.stop();
  });

  it("have private accounts with a password", async function () {
    if (!canMakeAccounts()) {
      console.log("      skipped: private accounts need root and mount namespaces");
      this.skip();
    }
    const fresh = await startSshd({ account: { name: "mover", password: "secret" } });
    assert.equal((await ssh(fresh, fresh.port, "id", "-un")).stdout, "mover\n");
    await fresh.stop();
    await assert.rejects(exec("id", ["mover"]), /no such user/);
  });
});
