import assert from "node:assert/strict";
import { createVolume, listVolumes, removeVolume } from "../../../src/cluster/volumes/replicated/index.js";
import { sizeWithMetadata } from "../../../src/cluster/volumes/replicated/plan.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { silentReport } from "../../../src/lib/report.js";
import { RES, world } from "./volume-host.js";

const MIB = 1024 ** 2;
const OTHER =
  "resource other {\n  volume 0 { device /dev/drbd10 minor 10; }\n  on alpha { address 10.255.0.1:7800; }\n}\n";

const REQUEST = { name: "web1", sizes: [64 * MIB, 32 * MIB] };
const OPTIONS = { report: silentReport };

describe("a replicated volume", () => {
  it("is made on both hosts, up to date at once, and a second time nothing is done", async () => {
    const { alpha, beta, session } = world();
    const { volume } = await createVolume(session, REQUEST, OPTIONS);
    assert.deepEqual(volume.states["beta"], {
      connection: "Connected",
      role: "Secondary",
      peerRole: "Secondary",
      disks: ["UpToDate", "UpToDate"],
      peerDisks: ["UpToDate", "UpToDate"],
    });
    assert.deepEqual([...beta.volumes.keys()], ["web1-0", "web1-1"]);
    assert.equal(alpha.volumes.get("web1-0")?.tags, "rehome,rehome.volume=web1");
    assert.equal(alpha.files.get(RES)!.toString(), beta.files.get(RES)!.toString());
    assert.equal(alpha.modes.get(RES), 0o600);
    assert.equal((await createVolume(session, REQUEST, OPTIONS)).changed, 0);
    assert.equal((await listVolumes(session)).length, 1);
  });

  it("is zeros on both hosts, also when a run was cut off before that, and never again", async () => {
    const { alpha, beta, session } = world();
    beta.cutBeforeBlank = true;
    await assert.rejects(createVolume(session, REQUEST, OPTIONS), { code: "connection-lost" });
    beta.cutBeforeBlank = false;
    await createVolume(session, REQUEST, OPTIONS);
    await createVolume(session, REQUEST, OPTIONS);
    for (const host of [alpha, beta]) assert.deepEqual(host.blanked, ["web1-0", "web1-1"]);
  });

  it("that is thin is zeros by itself; one that was made without being told is left as it is", async () => {
    const { alpha, session } = world();
    await createVolume(session, { ...REQUEST, pool: "thin" }, OPTIONS);
    await createVolume(session, REQUEST, OPTIONS);
    assert.deepEqual(alpha.blanked, []);
  });

  it("takes a minor and a port that neither host has in use", async () => {
    const { beta, session } = world();
    beta.files.set("/etc/drbd.d/other.res", Buffer.from(OTHER));
    const { volume } = await createVolume(session, REQUEST, OPTIONS);
    assert.deepEqual(
      volume.parts.map(({ minor }) => minor),
      [11, 13],
    ); // 10: other, 12: a device that runs
    assert.equal(volume.port, 7802); // 7800: other, 7801: something listens
  });

  it("that was cut off is finished as it was begun", async () => {
    const { alpha, beta, session } = world();
    const broken = beta.run.bind(beta);
    let cut = true;
    beta.run = (argv, options) => {
      if (cut && argv[1] === "create-md")
        return Promise.reject(new RehomeError("connection-lost", "gone", { machine: "beta" }));
      return broken(argv, options);
    };
    await assert.rejects(createVolume(session, REQUEST, OPTIONS), { code: "connection-lost" });
    const begun = alpha.files.get(RES)!.toString();
    cut = false;
    const { volume } = await createVolume(session, REQUEST, OPTIONS);
    assert.equal(alpha.files.get(RES)!.toString(), begun);
    assert.deepEqual(volume.states["alpha"]?.disks, ["UpToDate", "UpToDate"]);
  });

  it("is never made over what another has made", async () => {
    const { alpha, session } = world();
    alpha.volumes.set("web1-1", { size: 5, tags: "" });
    await assert.rejects(createVolume(session, REQUEST, OPTIONS), { code: "volume-foreign" });
    alpha.volumes.clear();
    alpha.files.set("/etc/drbd.d/theirs.res", Buffer.from("resource web1 {\n}\n"));
    await assert.rejects(createVolume(session, REQUEST, OPTIONS), { code: "volume-foreign" });
    await assert.rejects(removeVolume(session, "web1", OPTIONS), { code: "volume-foreign" });
    assert.ok(!alpha.commandLines.some((line) => /^lv(create|remove)/.test(line)));
  });

  it("of another size is not taken for the one that is there", async () => {
    const { session } = world();
    await createVolume(session, REQUEST, OPTIONS);
    await assert.rejects(createVolume(session, { ...REQUEST, sizes: [80 * MIB, 32 * MIB] }, OPTIONS), {
      code: "volume-exists",
    });
  });

  it("of another number of disks is not taken for the one that is there", async () => {
    const { session } = world();
    await createVolume(session, REQUEST, OPTIONS);
    await assert.rejects(createVolume(session, { ...REQUEST, sizes: [64 * MIB] }, OPTIONS), { code: "volume-exists" });
  });

  it("needs room on both hosts, before anything is made", async () => {
    const { alpha, beta, session } = world();
    beta.free = 50 * MIB;
    await assert.rejects(createVolume(session, REQUEST, OPTIONS), (error: RehomeError) => {
      assert.equal(error.code, "target-full");
      assert.equal(error.where.machine, "beta");
      return true;
    });
    assert.equal(alpha.volumes.size, 0);
  });

  it("is removed whole, when nobody uses it, and nothing else is", async () => {
    const { alpha, beta, session } = world();
    await createVolume(session, REQUEST, OPTIONS);
    alpha.volumes.set("web1-2", { size: 5, tags: "theirs" });
    alpha.role = "Primary";
    await assert.rejects(removeVolume(session, "web1", OPTIONS), { code: "volume-busy" });
    alpha.role = "Secondary";
    await removeVolume(session, "web1", OPTIONS);
    assert.deepEqual([...alpha.volumes.keys(), ...beta.volumes.keys()], ["web1-2"]);
    assert.ok(!alpha.files.has(RES) && !beta.files.has(RES));
    await assert.rejects(removeVolume(session, "web1", OPTIONS), { code: "volume-missing" });
  });

  it("has room for the metadata at its end", () => {
    assert.equal(sizeWithMetadata(64 * MIB), 68 * MIB);
    assert.ok(sizeWithMetadata(1024 ** 4) - 1024 ** 4 >= 33 * MIB);
  });
});
