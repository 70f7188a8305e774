import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { RehomeError } from "../../../src/lib/errors.js";
import { CONCERNS, concernsPage, type ConcernCode } from "../../../src/migrators/plan/concerns.js";
import { deviceName } from "../../../src/migrators/plan/draft.js";
import { requireUnblocked } from "../../../src/migrators/plan/plan.js";
import { CASES, luksRoot, nic, nics, plan } from "./concern-cases.js";
import { disk, GOOD_DISK } from "./good-server.js";

const GIB = 1024 ** 3;

describe("the plan of a guest", () => {
  it("has no concern about a good server", () => {
    assert.deepEqual(plan({}).concerns, []);
    requireUnblocked(plan({}));
  });

  it("says what becomes of it", () => {
    const made = plan({
      guest: { memory: "2G", bridges: { eth1: "br1" } },
      machine: {
        disks: [
          disk("sda", { size: 2 * GIB, tableId: undefined, uuid: "fs-uuid" }),
          { ...GOOD_DISK, name: "sdb", path: "/dev/sdb" },
        ],
        bootLoader: { name: "grub-pc", disk: "sdb" },
        ...nics(nic({}), nic({ name: "eth1", mac: "52:54:00:00:00:0A" })),
      },
    });
    assert.equal(made.vcpus, 2);
    assert.equal(made.memory, 2 * GIB);
    assert.deepEqual(
      made.volumes.map(({ disk, device, path }) => [disk, device, path]),
      [
        ["sdb", "vda", "/var/lib/rehome/volumes/web1/vda.raw"],
        ["sda", "vdb", "/var/lib/rehome/volumes/web1/vdb.raw"],
      ],
    );
    assert.deepEqual(made.volumes[1]?.identity, { size: 2 * GIB, serial: "SERIAL-sda", tableId: "fs-uuid" });
    assert.deepEqual(made.nics, [
      { name: "eth0", mac: "52:54:00:00:00:01", bridge: "br0" },
      { name: "eth1", mac: "52:54:00:00:00:0a", bridge: "br1" },
    ]);
  });

  for (const { code, when, names, ...given } of CASES) {
    it(`has ${code} when ${when}`, () => {
      const found = plan(given).concerns.filter((concern) => concern.code === code);
      assert.equal(found.length, 1, JSON.stringify(plan(given).concerns));
      assert.match(found[0]!.message, names ?? /./);
      assert.equal(found[0]!.severity, CONCERNS[code].severity);
      assert.ok(found[0]!.remedy !== "");
    });
  }

  it("has every concern in a case, but those of reaching the source (see the command)", () => {
    const covered = new Set(CASES.map(({ code }) => code));
    const uncovered = Object.keys(CONCERNS).filter((code) => !covered.has(code as ConcernCode));
    assert.deepEqual(uncovered, ["host-key-unknown", "source-unreachable", "guest-moved"]);
  });

  it("counts what a volume takes already", () => {
    const allocatedBytes = new Map([["/var/lib/rehome/volumes/web1/vda.raw", 19 * GIB]]);
    assert.deepEqual(plan({ target: { freeBytes: 3 * GIB, allocatedBytes } }).concerns, []);
  });

  it("takes a domain of its name for the guest once the cutover began", () => {
    const target = { domains: [{ name: "web1", macs: ["52:54:00:00:00:01"] }] };
    assert.deepEqual(plan({ target, input: { state: "cut-over" } }).concerns, []);
  });

  it("puts blockers first, and stops with all of them", () => {
    const made = plan({ machine: { firmware: "uefi", clockSkewMs: 1e6, disks: [luksRoot] } });
    assert.deepEqual(
      made.concerns.map(({ severity }) => severity),
      ["blocker", "blocker", "warning"],
    );
    assert.throws(
      () => requireUnblocked(made),
      (error) =>
        error instanceof RehomeError &&
        error.code === "plan-blocked" &&
        /UEFI/.test(error.message) &&
        /encrypted-root/.test(error.output ?? "") &&
        error.exitCode === 5,
    );
  });

  it("is in docs/concerns.md (else: npm run docs)", async () => {
    assert.equal(await readFile("docs/concerns.md", "utf8"), concernsPage());
  });
});

describe("names of a guest's disks", () => {
  it("go on after z", () => {
    assert.deepEqual([0, 25, 26, 27, 701, 702].map(deviceName), ["vda", "vdz", "vdaa", "vdab", "vdzz", "vdaaa"]);
  });
});
