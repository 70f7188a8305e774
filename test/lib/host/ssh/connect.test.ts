import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo, type Server } from "node:net";
import { join } from "node:path";
import { RehomeError } from "../../../../src/lib/errors.js";
import type { ErrorCode } from "../../../../src/lib/error-codes.js";
import { connectSsh, type SshOptions, type SshTarget } from "../../../../src/lib/host/ssh/index.js";
import { canMakeAccounts, hasSshd, makeKey, startSshd, type TestSshd } from "../../../helpers/sshd.js";

/** Tries to connect; what it fails with. */
async function failure(target: SshTarget, options: SshOptions = {}): Promise<RehomeError> {
  try {
    await (await connectSsh(target, options)).close();
  } catch (error) {
    assert.ok(error instanceof RehomeError, String(error));
    return error;
  }
  throw new assert.AssertionError({ message: "it connected" });
}

async function fails(code: ErrorCode, message: RegExp, target: SshTarget, options?: SshOptions): Promise<RehomeError> {
  const error = await failure(target, options);
  assert.equal(error.code, code, error.message);
  assert.match(error.message, message);
  assert.ok(error.remedy !== undefined, "there is always something to do");
  return error;
}

async function works(target: SshTarget, options?: SshOptions): Promise<void> {
  const host = await connectSsh(target, options);
  assert.equal((await host.run(["echo", "in"])).stdout, "in\n");
  await host.close();
}

describe("connecting over SSH", function () {
  let server: TestSshd;
  /** No agent, and a home folder with nothing in it. */
  let bare: SshOptions;
  before(async function () {
    if (!hasSshd()) {
      console.log("      skipped: openssh-server is not installed");
      this.skip();
    }
    server = await startSshd({ hostKeys: ["rsa", "ecdsa", "ed25519"] });
    bare = { env: { HOME: join(server.folder, "nobody") } };
  });
  after(() => server.stop());
  const file = (name: string): string => join(server.folder, name);

  describe("to a machine that is not there", () => {
    const silent: Server[] = [];
    after(() => silent.forEach((listener) => listener.close()));

    it("says that nothing listens", async () => {
      const listener = createServer().listen(0, "127.0.0.1");
      await once(listener, "listening");
      const { port } = listener.address() as AddressInfo;
      listener.close();
      await fails("host-unreachable", new RegExp(`nothing listens on port ${port}`), { ...server.target, port });
    });

    it("says that something else than sshd is silent", async () => {
      const listener = createServer((socket) => void socket.on("error", () => undefined)).listen(0, "127.0.0.1");
      silent.push(listener);
      await once(listener, "listening");
      const { port } = listener.address() as AddressInfo;
      const begun = Date.now();
      await fails(
        "host-unreachable",
        /did not speak SSH within 0.5 s/,
        { ...server.target, port },
        { connectTimeoutMs: 500 },
      );
      assert.ok(Date.now() - begun < 6000);
    });

    it("says that something else than sshd answers", async () => {
      const listener = createServer((socket) => void socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
      silent.push(listener.listen(0, "127.0.0.1"));
      await once(listener, "listening");
      const { port } = listener.address() as AddressInfo;
      await fails("host-unreachable", /handshake failed/, { ...server.target, port }, { connectTimeoutMs: 3000 });
    });

    it("says that a name is unknown", async () => {
      await fails("host-unreachable", /no-such-host\.invalid cannot be resolved/, {
        ...server.target,
        host: "no-such-host.invalid",
      });
    });

    it("stops waiting when told to", async () => {
      const stop = AbortSignal.timeout(100);
      const listener = createServer((socket) => void socket.on("error", () => undefined));
      silent.push(listener.listen(0, "127.0.0.1"));
      await once(listener, "listening");
      const { port } = listener.address() as AddressInfo;
      assert.equal((await failure({ ...server.target, port }, { signal: stop })).code, "cancelled");
    });
  });

  describe("verifies the host key", () => {
    it("and uses the known one, whatever the server likes best", async () => {
      for (const type of ["ed25519", "ecdsa", "rsa"] as const) {
        const knownHosts = file(`known_${type}`);
        writeFileSync(knownHosts, `[127.0.0.1]:${server.port} ${server.publicHostKey(type)}\n`);
        await works({ ...server.target, knownHosts }, bare);
      }
    });

    it("and refuses an unknown one, with its fingerprint and the line to add", async () => {
      const knownHosts = file("known_none");
      const error = await fails("host-key-unknown", /SHA256:/, { ...server.target, knownHosts }, bare);
      const printed = execFileSync("ssh-keygen", ["-lf", file("host_ed25519.pub")], { encoding: "utf8" });
      assert.match(
        error.message,
        new RegExp(`ssh-ed25519 ${printed.split(" ")[1]?.replaceAll(/[+/]/g, "\\$&") ?? ""}`),
      );
      assert.match(error.remedy ?? "", /--accept-new-host-key/);
      assert.throws(() => statSync(knownHosts), "nothing was written");

      writeFileSync(knownHosts, `${/add this line to \S+: (.*)$/.exec(error.remedy ?? "")?.[1] ?? ""}\n`);
      await works({ ...server.target, knownHosts }, bare);
    });

    it("and adds a new one when asked to, keeping what is there", async () => {
      const knownHosts = file("known_accept");
      writeFileSync(knownHosts, "# mine, without a newline", { mode: 0o644 });
      chmodSync(knownHosts, 0o640);
      await works({ ...server.target, knownHosts }, { ...bare, acceptNewHostKey: true });
      const text = readFileSync(knownHosts, "utf8");
      assert.equal(text, `# mine, without a newline\n[127.0.0.1]:${server.port} ${server.publicHostKey("ed25519")}\n`);
      assert.equal(statSync(knownHosts).mode & 0o777, 0o640);
      await works({ ...server.target, knownHosts }, { ...bare, acceptNewHostKey: true });
      assert.equal(readFileSync(knownHosts, "utf8"), text, "only once");
    });

    it("and makes ~/.ssh/known_hosts when there is none", async () => {
      const home = file("home-new");
      await works({ ...server.target, knownHosts: undefined }, { env: { HOME: home }, acceptNewHostKey: true });
      assert.match(readFileSync(join(home, ".ssh/known_hosts"), "utf8"), /ssh-ed25519/);
      assert.equal(statSync(join(home, ".ssh")).mode & 0o777, 0o700);
    });

    it("and refuses a changed one, even when new ones are accepted", async () => {
      const knownHosts = file("known_changed");
      makeKey(file("other_host"));
      const text = `# 1\n[127.0.0.1]:${server.port} ${readFileSync(file("other_host.pub"), "utf8")}`;
      writeFileSync(knownHosts, text);
      for (const acceptNewHostKey of [false, true]) {
        const options = { ...bare, acceptNewHostKey };
        const error = await fails("host-key-changed", /but known is/, { ...server.target, knownHosts }, options);
        assert.deepEqual([error.where.path, error.where.line], [knownHosts, 2]);
        assert.equal(readFileSync(knownHosts, "utf8"), text);
      }
    });

    it("and refuses it when the server got new keys while we knew it", async () => {
      const fresh = await startSshd();
      await works(fresh.target, bare);
      await fresh.rotateHostKeys();
      await fails("host-key-changed", /but known is/, fresh.target, { ...bare, acceptNewHostKey: true });
      await fresh.stop();
    });

    it("and refuses a revoked one", async () => {
      const knownHosts = file("known_revoked");
      const key = server.publicHostKey("ed25519");
      writeFileSync(knownHosts, `[127.0.0.1]:${server.port} ${key}\n@revoked * ${key}\n`);
      await fails(
        "host-key-revoked",
        /is revoked/,
        { ...server.target, knownHosts },
        { ...bare, acceptNewHostKey: true },
      );
    });

    it("and says that it cannot use a certificate authority", async () => {
      const knownHosts = file("known_authority");
      writeFileSync(knownHosts, `@cert-authority * ${server.publicHostKey("rsa")}\n`);
      await fails("host-key-unknown", /known_authority:1 is not supported/, { ...server.target, knownHosts }, bare);
    });

    it("and says which file it cannot read", async () => {
      const error = await failure({ ...server.target, knownHosts: server.folder }, bare);
      assert.deepEqual([error.code, error.where.path], ["file-unreadable", server.folder]);
    });
  });

  describe("logs in", () => {
    it("with the named key, and says when it is refused", async () => {
      await works(server.target, bare);
      const error = await fails(
        "auth-failed",
        /tried: key \S+id_wrong; the machine accepts publickey/,
        { ...server.target, identity: server.wrongIdentity },
        bare,
      );
      assert.match(error.remedy ?? "", /authorized_keys/);
    });

    it("with a usual key from ~/.ssh", async () => {
      const home = file("home-usual");
      mkdirSync(join(home, ".ssh"), { recursive: true });
      copyFileSync(server.wrongIdentity, join(home, ".ssh/id_ed25519"));
      copyFileSync(server.identity, join(home, ".ssh/id_rsa"));
      await works({ ...server.target, identity: undefined }, { env: { HOME: home } });
    });

    it("and says what it tried and what it could not", async () => {
      await fails(
        "auth-failed",
        /tried: nothing; not tried: agent \(SSH_AUTH_SOCK is not set\)/,
        { ...server.target, identity: undefined },
        bare,
      );
    });

    it("with the agent, also for a key that is protected with a passphrase", async () => {
      const socket = file("agent.sock");
      const agent = spawn("ssh-agent", ["-D", "-a", socket], { stdio: ["ignore", "pipe", "inherit"] });
      try {
        await once(agent.stdout, "data");
        const SSH_AUTH_SOCK = socket;
        const withAgent = { env: { ...bare.env, SSH_AUTH_SOCK } };
        const add = (path: string): unknown =>
          execFileSync("ssh-add", ["-q", path], { env: { ...process.env, SSH_AUTH_SOCK } });
        const identity = file("id_protected");
        makeKey(identity, "ed25519", "a passphrase");

        const protectedKey = { ...server.target, identity };
        await fails("auth-failed", /id_protected \(protected with a passphrase; load it/, protectedKey, bare);
        await fails("auth-failed", /tried: key \S+ in the agent; not tried: key/, protectedKey, withAgent);

        add(server.identity);
        await works({ ...server.target, identity: undefined }, withAgent);
        await fails("auth-failed", /in the agent/, protectedKey, withAgent);
        execFileSync("ssh-keygen", ["-q", "-p", "-P", "a passphrase", "-N", "", "-f", identity]);
        writeFileSync(file("authorized_keys"), readFileSync(`${identity}.pub`), { flag: "a" });
        add(identity);
        execFileSync("ssh-keygen", ["-q", "-p", "-P", "", "-N", "a passphrase", "-f", identity]);
        await works(protectedKey, withAgent);
      } finally {
        agent.kill();
      }
    });

    it("but not with a dead agent, which it names", async () => {
      const options = { env: { ...bare.env, SSH_AUTH_SOCK: file("no-agent.sock") } };
      await fails(
        "auth-failed",
        /agent \(Failed to connect to agent\)/,
        { ...server.target, identity: undefined },
        options,
      );
    });

    it("but not with a key that others may read, or that is none", async () => {
      const open = file("id_open");
      copyFileSync(server.identity, open);
      chmodSync(open, 0o644);
      const exposed = await fails("secret-exposed", /mode 644/, { ...server.target, identity: open }, bare);
      assert.equal(exposed.where.path, open);
      writeFileSync(file("id_none"), "hello", { mode: 0o600 });
      await fails("file-unreadable", /no private key/, { ...server.target, identity: file("id_none") }, bare);
      const missing = await failure({ ...server.target, identity: file("missing") }, bare);
      assert.deepEqual([missing.code, missing.where.path], ["file-unreadable", file("missing")]);
    });
  });

  describe("with a password", function () {
    const methods = {
      password: "PasswordAuthentication yes",
      "keyboard-interactive": "KbdInteractiveAuthentication yes",
    };
    before(function () {
      if (canMakeAccounts()) return;
      console.log("      skipped: accounts with passwords need root and mount namespaces");
      this.skip();
    });

    for (const [method, setting] of Object.entries(methods)) {
      it(`logs in by ${method}, and never shows it`, async function () {
        const pam = method === "keyboard-interactive" ? ["UsePAM yes", "PasswordAuthentication no"] : [];
        const fresh = await startSshd({
          account: { name: "mover", password: "correct horse" },
          config: [setting, ...pam],
        });
        try {
          const passwordFile = join(fresh.folder, "password");
          const target = { ...fresh.target, identity: undefined, passwordFile };
          writeFileSync(passwordFile, "correct horse\n", { mode: 0o600 });
          await works(target, bare);
          writeFileSync(passwordFile, "battery staple\n");
          const error = await fails("auth-failed", /password from \S+password/, target, bare);
          assert.doesNotMatch(JSON.stringify(error) + String(error.stack), /battery|staple/);
          chmodSync(passwordFile, 0o640);
          await fails("secret-exposed", /mode 640/, target, bare);
          writeFileSync(passwordFile, "\n");
          chmodSync(passwordFile, 0o600);
          await fails("file-unreadable", /empty first line/, target, bare);
        } finally {
          await fresh.stop();
        }
      });
    }
  });

  it("says so when there is no common cipher, and uses old ones when allowed", async () => {
    const old = await startSshd({
      hostKeys: ["rsa"],
      config: ["Ciphers aes128-cbc,3des-cbc", "KexAlgorithms diffie-hellman-group14-sha1", "MACs hmac-sha1"],
    });
    try {
      const error = await fails("ssh-incompatible", /no common way to encrypt/, old.target, bare);
      assert.match(error.remedy ?? "", /legacyCiphers/);
      await works({ ...old.target, legacyCiphers: true }, bare);
    } finally {
      await old.stop();
    }
  });
});
