import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { corosyncConf } from "../../../src/cluster/setup/files/corosync-conf.js";
import { drbdCommon, drbdVersion, type DrbdVersion } from "../../../src/cluster/setup/files/drbd-common.js";
import { drbdResource, type DrbdResource } from "../../../src/cluster/setup/files/drbd-resource.js";
import { lvmConf } from "../../../src/cluster/setup/files/lvm-conf.js";
import { isOurs } from "../../../src/cluster/setup/files/mark.js";
import { exampleCluster } from "./example.js";

/** Runs `work` with files in a folder of their own. */
function withFiles<T>(files: Readonly<Record<string, string>>, work: (folder: string) => T): T {
  const folder = mkdtempSync(join(tmpdir(), "rehome-files-"));
  try {
    for (const [name, content] of Object.entries(files)) writeFileSync(join(folder, name), content);
    return work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function needs(program: string): (this: Mocha.Context) => void {
  return function () {
    if (spawnSync(program, ["--version"]).error !== undefined) {
      console.log(`      skipped: ${program} is not installed`);
      this.skip();
    }
  };
}

describe("corosync.conf", () => {
  it("has a quorum device for a tie-breaker that only votes", () => {
    const text = corosyncConf(exampleCluster());
    assert.match(text, /device \{\n {4}model: net\n {4}votes: 1\n {4}net \{\n {6}host: 192\.0\.2\.13\n/);
    assert.match(text, /name: beta\n {4}nodeid: 2\n {4}ring0_addr: 10\.255\.0\.2\n {4}ring1_addr: 192\.0\.2\.12\n/);
    assert.doesNotMatch(text, /name: arb/);
  });

  it("has a third node and no device for a full member", () => {
    const text = corosyncConf(exampleCluster("member"));
    assert.match(text, /name: arb\n {4}nodeid: 3\n {4}ring0_addr: 10\.255\.0\.3\n/);
    assert.doesNotMatch(text, /device/);
  });

  describe("as corosync reads it", () => {
    before(needs("corosync"));

    /** On this machine: with one of its addresses, a key, and errors where the test sees them. */
    const errors = (text: string): string =>
      withFiles({ authkey: "k".repeat(256) }, (folder) => {
        const conf = join(folder, "corosync.conf");
        const here = text
          .replaceAll("10.255.0.1", "127.0.0.1")
          .replace("to_stderr: no", "to_stderr: yes")
          .replace("version: 2", `version: 2\n  keyfile: ${join(folder, "authkey")}`);
        writeFileSync(conf, here);
        const { status, stderr } = spawnSync("corosync", ["-t", "-c", conf], { encoding: "utf8" });
        return status === 0 ? "" : stderr;
      });

    for (const kind of ["qdevice", "member"] as const) {
      it(`is right with a ${kind}`, () => {
        assert.equal(errors(corosyncConf(exampleCluster(kind))), "");
      });
    }

    it("is not right with a word that corosync does not know", () => {
      assert.match(errors(corosyncConf(exampleCluster()).replace("aes256", "aes257")), /aes257|cipher/);
    });
  });
});

const RESOURCE: DrbdResource = {
  name: "web1",
  secret: "0123456789abcdef",
  port: 7810,
  volumes: [
    { number: 0, minor: 10, disk: "/dev/vg_guests/web1-0" },
    { number: 1, minor: 11, disk: "/dev/vg_guests/web1-1", metadata: "/dev/vg_guests/web1-1.meta" },
  ],
  hosts: [
    { name: "alpha", nodeId: 0, backplane: "10.255.0.1" },
    { name: "beta", nodeId: 1, backplane: "10.255.0.2" },
  ],
};

const GIGABIT = 125e6;

describe("DRBD's configuration", () => {
  it("is for the module that there is", () => {
    assert.deepEqual(["8.4.11", "9.2.8", "9.1.4-1", "8.3.16", ""].map(drbdVersion), [
      "8.4",
      "9",
      "9",
      undefined,
      undefined,
    ]);
  });

  it("resyncs as fast as the backplane allows", () => {
    assert.match(drbdCommon("8.4", GIGABIT), /c-max-rate 95M;/);
    assert.match(drbdCommon("9", 10 * GIGABIT), /c-max-rate 953M;/);
    assert.match(drbdCommon("8.4", 1), /c-max-rate 1M;/);
  });

  it("has IPv6 addresses in brackets", () => {
    const hosts = RESOURCE.hosts.map((host) => ({ ...host, backplane: `fd00::${host.nodeId}` }));
    assert.match(drbdResource("8.4", { ...RESOURCE, hosts }), /address ipv6 \[fd00::1\]:7810;/);
  });

  describe("as drbdadm reads it", () => {
    before(needs("drbdadm"));

    const dump = (version: DrbdVersion, module: string, resource = RESOURCE): string =>
      withFiles({ "all.conf": drbdCommon(version, GIGABIT) + drbdResource(version, resource) }, (folder) =>
        execFileSync("drbdadm", ["-c", join(folder, "all.conf"), "dump", resource.name], {
          env: { ...process.env, DRBD_DRIVER_VERSION_OVERRIDE: module, __DRBD_NODE__: "alpha" },
          stdio: "pipe",
          encoding: "utf8",
        }),
      );

    for (const [version, module] of [
      ["8.4", "8.4.11"],
      ["9", "9.2.8"],
    ] as const) {
      it(`is right for DRBD ${version}`, () => {
        const text = dump(version, module);
        assert.match(text, /shared-secret\s+0123456789abcdef;/);
        assert.match(text, /device\s+(\/dev\/drbd11\s+)?minor 11;/);
        assert.match(text, /meta-disk\s+\/dev\/vg_guests\/web1-1\.meta;/);
      });

      it(`sets up a volume with DRBD ${version}`, () => {
        withFiles({ "all.conf": drbdCommon(version, GIGABIT) + drbdResource(version, RESOURCE) }, (folder) => {
          const host = ["-c", join(folder, "all.conf"), "-d"];
          const { status, stdout, stderr } = spawnSync("drbdadm", [...host, "up", "web1"], {
            env: { ...process.env, DRBD_DRIVER_VERSION_OVERRIDE: module, __DRBD_NODE__: "alpha" },
            encoding: "utf8",
          });
          assert.equal(status, 0, stderr);
          assert.match(
            stdout,
            version === "9"
              ? /new-peer web1 1 .*--fencing=resource-and-stonith/
              : /attach 10 .*--fencing=resource-and-stonith/,
          );
        });
      });
    }
  });
});

describe("lvmlocal.conf", () => {
  it("keeps LVM away from what is inside guests' volumes", function () {
    if (spawnSync("lvmconfig", ["--version"]).error !== undefined) {
      console.log("      skipped: lvmconfig (package lvm2) is not installed");
      this.skip();
    }
    const shown = withFiles(
      { "lvm.conf": "devices { scan_lvs = 1 }\n", "lvmlocal.conf": lvmConf("vg-a.b") },
      (folder) =>
        execFileSync("lvmconfig", ["--type", "current"], {
          env: { ...process.env, LVM_SYSTEM_DIR: folder },
          stdio: "pipe",
          encoding: "utf8",
        }),
    );
    assert.match(shown, /scan_lvs=0/);
    const filter = [...(/global_filter=\[(.*)\]/.exec(shown)?.[1] ?? "").matchAll(/"r\|([^|]*)\|"/g)].map(
      (match) => match[1]!,
    );
    const rejects = (path: string): boolean => filter.some((pattern) => new RegExp(pattern).test(path));
    assert.deepEqual(
      ["/dev/drbd10", "/dev/drbd/by-res/web1/0", "/dev/vg-a.b/web1", "/dev/mapper/vg--a.b-web1"].map(rejects),
      [true, true, true, true],
    );
    assert.deepEqual(["/dev/sda2", "/dev/md0", "/dev/vg-axb/root", "/dev/mapper/vg--a.bc-root"].map(rejects), [
      false,
      false,
      false,
      false,
    ]);
  });
});

describe("a file of ours", () => {
  it("is known by its first line", () => {
    const text = corosyncConf(exampleCluster());
    assert.ok(isOurs(text));
    assert.ok(isOurs(drbdResource("9", RESOURCE)));
    assert.ok(!isOurs(`${"#".repeat(500)}\n${text}`));
    assert.ok(!isOurs("totem { }\n"));
  });
});
