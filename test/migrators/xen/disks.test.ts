import assert from "node:assert/strict";
import { inspectDomain } from "../../../src/migrators/xen/inspect.js";
import { plan } from "../plan/concern-cases.js";
import { disk, GOOD_DISK } from "../plan/good-server.js";
import { FakeHost } from "../../helpers/fake-host.js";

/** A dom0 whose domain has these disks, none of which libguestfs is asked about. */
function dom0(disks: readonly object[]): FakeHost {
  const config = { c_info: { type: "hvm", name: "shop" }, b_info: { max_vcpus: 1, max_memkb: 262_144 }, disks };
  return new FakeHost("dom0")
    .on(["xl", "list", "-l"], JSON.stringify([{ domid: 3, config }]))
    .on(["xl", "list"], "Name ID Mem VCPUs State Time(s)\n")
    .on(["xl", "info"], "xen_version : 4.17.7\n")
    .on(/head -c 300000/, "")
    .on(/--getsize64/, ({ argv }) =>
      argv
        .slice(4)
        .map(() => "1048576\n")
        .join(""),
    )
    .on(/blockdev --getss /, "|1|\n")
    .on(["cat", "/proc/sys/kernel/random/boot_id"], "boot\n")
    .on(["cat", "/proc/cpuinfo"], "")
    .on(["date", "+%s"], "1700000000\n")
    .on(["uname", "-n"], "dom0\n")
    .on(["uname", "-m"], "x86_64\n")
    .on(["id", "-u"], "0\n");
}

describe("disks of a domain that cannot be copied as they are", () => {
  it("are known by their backend and stop the plan; drives are told of and left out", async () => {
    const host = dom0([
      { vdev: "xvda", pdev_path: "res0", script: "block-drbd", readwrite: 1, format: "raw" },
      { vdev: "hdc", pdev_path: "/srv/tools.iso", is_cdrom: 1, format: "raw" },
      { vdev: "hdd", is_cdrom: 1, format: "empty" },
    ]);
    const machine = await inspectDomain(host, "shop");
    assert.deepEqual(
      machine.disks.map(({ name, backend }) => [name, backend]),
      [["xvda", "other"]],
    );
    assert.deepEqual(machine.drives, [
      { name: "hdc", medium: "/srv/tools.iso" },
      { name: "hdd", medium: undefined },
    ]);
    const { concerns, volumes } = plan({ machine });
    const codes = concerns.map(({ code }) => code);
    assert.ok(codes.includes("disk-backend-unsupported"), codes.join(" "));
    const drives = concerns.filter(({ code }) => code === "drive-not-moved").map(({ message }) => message);
    assert.deepEqual(drives, ["drive hdc (/srv/tools.iso) is not moved", "drive hdd is empty and is not moved"]);
    assert.deepEqual(
      volumes.map(({ disk }) => disk),
      ["xvda"],
    );
  });

  it("are no concern when they are left out", () => {
    const { concerns } = plan({
      machine: { disks: [GOOD_DISK, disk("xvdb", { backend: "qcow2" })] },
      guest: { excludeDisks: ["xvdb"] },
    });
    assert.deepEqual(concerns, []);
  });
});
