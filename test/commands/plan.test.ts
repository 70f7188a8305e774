import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { hostname } from "node:os";
import { loadConfig } from "../../src/lib/config/load.js";
import type { GuestOutlook } from "../../src/migrators/plan/plan-guests.js";
import type { Machine } from "../../src/migrators/types.js";
import { rehome } from "../helpers/rehome.js";
import { canMakeAccounts, hasSshd, startSshd, type TestSshd } from "../helpers/sshd.js";

/** The first three commands of a migration, against a real sshd on loopback. */
describe("rehome inspect, init and plan", function () {
  this.timeout(120_000);
  let server: TestSshd;
  let folder: string;
  let login: readonly string[];
  let address: string;
  before(async function () {
    if (!hasSshd()) {
      console.log("      skipped: openssh-server is not installed");
      this.skip();
    }
    server = await startSshd();
    folder = await mkdtemp(join(tmpdir(), "rehome-plan-"));
    login = ["--identity", server.identity, "--known-hosts", server.knownHosts];
    address = `${server.user}@127.0.0.1:${server.port}`;
  });
  after(async () => {
    if (!hasSshd()) return;
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  });

  async function config(change: (text: string) => string = (text) => text): Promise<string> {
    const path = join(folder, `${Math.random().toString(36).slice(2)}.yaml`);
    await writeFile(
      path,
      change(`version: 1
sources:
  old:
    address: ${address}
    identity: ${server.identity}
    knownHosts: ${server.knownHosts}
target:
  volumes: ${folder}/volumes
  state: ${folder}/state
  libvirt: test:///default
guests:
  web1:
    source: old
`),
    );
    return path;
  }

  it("plan has nothing to say of a guest that was moved, whose source is off", async () => {
    const path = await config((text) => text.replace(address, "root@127.0.0.1:1").replace("/state", "/state-moved"));
    const journal = join(folder, "state-moved", "guests", "web1");
    await mkdir(journal, { recursive: true });
    await writeFile(join(journal, "journal.jsonl"), '{"type":"state","at":1,"state":"cut-over"}\n');
    const ran = await rehome("plan", "--config", path);
    assert.equal(ran.status, 0, ran.stdout);
    assert.match(ran.stdout, /INFO guest-moved\n +web1 is cut-over[^]*rehome status web1/);
    assert.doesNotMatch(ran.stdout, /next:/);
  });

  it("inspect shows a machine, in 80 columns", async () => {
    const ran = await rehome("inspect", address, ...login);
    assert.equal(ran.status, 0, ran.stderr);
    assert.match(ran.stdout, new RegExp(`^${hostname()}$`, "m"));
    assert.match(ran.stdout, /^disks$/m);
    assert.ok(ran.stdout.includes(`next: rehome init --source ${[address, ...login].join(" ")}\n`));
    const wide = ran.stdout.split("\n").filter((line) => line.length > 80 && !line.startsWith("next:"));
    assert.deepEqual(wide, []);
  });

  it("inspect --json is the machine, by a source's name", async () => {
    const ran = await rehome("inspect", "old", "--json", "--config", await config());
    assert.equal(ran.status, 0, ran.stderr);
    const machine = JSON.parse(ran.stdout) as Machine;
    assert.equal(machine.hostname, hostname());
    assert.ok(Math.abs(machine.clockSkewMs) < 1000);
  });

  it("inspect names the source that was meant", async () => {
    const ran = await rehome("inspect", "olt", "--config", await config());
    assert.equal(ran.status, 3);
    assert.match(ran.stderr, /there is no source "olt" \[source-unknown\]\n.*did you mean "old"/);
  });

  it("inspect never accepts an unknown host key by itself", async () => {
    const empty = join(folder, "empty_known_hosts");
    await writeFile(empty, "");
    const ran = await rehome("inspect", address, "--identity", server.identity, "--known-hosts", empty, "--json");
    assert.equal(ran.status, 4);
    assert.equal((JSON.parse(ran.stdout) as { error: { code: string } }).error.code, "host-key-unknown");
    assert.equal(await readFile(empty, "utf8"), "");
  });

  it("inspect takes an address with metacharacters for none", async () => {
    const ran = await rehome("inspect", "root@host;touch /tmp/x", ...login);
    assert.equal(ran.status, 2);
    assert.match(ran.stderr, /\[usage\]/);
  });

  it("inspect becomes root with sudo, and says so when it is not", async function () {
    if (!canMakeAccounts()) {
      console.log("      skipped: needs root, to make an account of its own");
      this.skip();
    }
    const account = { name: "mover", sudoers: "mover ALL=(ALL) NOPASSWD: ALL" };
    const other = await startSshd({ account });
    try {
      const argv = [`mover@127.0.0.1:${other.port}`, "--identity", other.identity, "--known-hosts", other.knownHosts];
      const plain = await rehome("inspect", ...argv);
      assert.equal(plain.status, 0, plain.stderr);
      assert.match(plain.stdout, /did not run as root/);
      const sudo = await rehome("inspect", ...argv, "--sudo");
      assert.equal(sudo.status, 0, sudo.stderr);
      assert.doesNotMatch(sudo.stdout, /did not run as root/);
    } finally {
      await other.stop();
    }
  });

  it("init writes a file that describes the source, and never again", async () => {
    const path = join(folder, "new.yaml");
    const first = await rehome("init", "--config", path, "--source", address, ...login);
    assert.equal(first.status, 0, first.stderr);
    const made = await loadConfig(path);
    assert.equal(Object.values(made.sources)[0]?.address, address);
    const before = await readFile(path, "utf8");
    const second = await rehome("init", "--config", path);
    assert.equal(second.status, 5);
    assert.match(second.stderr, /config-exists/);
    assert.equal(await readFile(path, "utf8"), before);
  });

  it("plan says what blocks a guest, and ends with 5", async () => {
    const path = await config((text) => `${text}    bridges: { nonsense0: br0 }\n    memory: 900TiB\n`);
    const ran = await rehome("plan", "web1", "--config", path);
    assert.equal(ran.status, 5, ran.stderr);
    assert.match(ran.stdout, /^web1 ← old$/m);
    assert.match(ran.stdout, /BLOCKER memory-exceeds-target/);
    assert.match(ran.stdout, /WARNING nic-unknown/);
    assert.doesNotMatch(ran.stdout, /next:/);
    assert.deepEqual(
      ran.stdout.split("\n").filter((line) => line.length > 80),
      [],
    );
  });

  it("plan takes a source that it cannot reach for a concern of its guest alone", async () => {
    const path = await config((text) =>
      text
        .replace("guests:\n", "guests:\n  web2:\n    source: gone\n")
        .replace(
          "sources:\n",
          `sources:\n  gone:\n    address: root@127.0.0.1:${server.port}\n    knownHosts: /dev/null\n`,
        ),
    );
    const ran = await rehome("plan", "--config", path, "--json");
    assert.equal(ran.status, 5, ran.stderr);
    const { guests } = JSON.parse(ran.stdout) as { guests: GuestOutlook[] };
    assert.deepEqual(
      guests.map(({ guest, plan }) => [guest, plan !== undefined]),
      [
        ["web2", false],
        ["web1", true],
      ],
    );
    assert.deepEqual(
      guests[0]?.concerns.map(({ code, severity }) => [code, severity]),
      [["host-key-unknown", "blocker"]],
    );
  });

  it("plan names the guest that was meant", async () => {
    const ran = await rehome("plan", "web", "--config", await config());
    assert.equal(ran.status, 3);
    assert.match(ran.stderr, /there is no guest "web" \[guest-unknown\]\n.*did you mean "web1"/);
  });

  it("plan names file, line and key of a broken rehome.yaml", async () => {
    const path = await config((text) => text.replace("    source: old", "    sourc: old"));
    const ran = await rehome("plan", "--config", path);
    assert.equal(ran.status, 3);
    assert.match(ran.stderr, new RegExp(`${path}:13: guests\\.web1\\.sourc: unknown key "sourc" \\[config-invalid\\]`));
    assert.match(ran.stderr, /did you mean "source"\?/);
  });
});
