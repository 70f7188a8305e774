import assert from "node:assert/strict";
import { mkdir, mkdtemp, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runChecked } from "../../../src/lib/host/run.js";
import { lookAtDisks } from "../../../src/migrators/xen/look/appliance.js";
import { buildDisks } from "../../../src/migrators/xen/look/disks.js";
import { readGuest } from "../../../src/migrators/xen/look/guest.js";
import type { DomainDisk } from "../../../src/migrators/xen/types.js";

const MIB = 1024 ** 2;
const host = localHost();

/** A guest's root as far as a look goes. */
const TREE: Readonly<Record<string, string>> = {
  "etc/fstab":
    "/dev/xvda2 / ext4 defaults 0 1\nUUID=5e9b7c6e-2d27-4a7e-9d3f-6a2f4b8c1d20 /srv ext4 defaults 0 2\n/dev/xvda1 none swap sw 0 0\n",
  "etc/hostname": "shop\n",
  "etc/os-release": 'ID=debian\nVERSION_ID="12"\nPRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\n',
  "etc/resolv.conf": "nameserver 192.0.2.53\n",
  "etc/network/interfaces": `auto lo
iface lo inet loopback
auto enX0 enX1
iface enX0 inet static
    address 192.0.2.30
    netmask 255.255.255.0
    gateway 192.0.2.1
iface enX1 inet static
    address 10.0.0.2/16
`,
  "sbin/init": "",
  "lib/modules/6.1.0-9-amd64/modules.builtin":
    "kernel/drivers/block/virtio_blk.ko\nkernel/drivers/virtio/virtio_pci.ko\n",
  "lib/modules/6.1.0-9-amd64/modules.dep": "",
  "lib/modules/2.6.32-5-xen-amd64/modules.dep": "kernel/drivers/block/xen-blkfront.ko:\n",
};

describe("a look at a domain's disks", () => {
  let folder: string;

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), "rehome-look-"));
  });
  afterEach(() => rm(folder, { recursive: true }));

  it("tells what the guest is, and leaves every byte of them as it is", async function () {
    this.timeout(240_000);
    for (const [path, text] of Object.entries(TREE)) {
      await mkdir(dirname(join(folder, "tree", path)), { recursive: true });
      await writeFile(join(folder, "tree", path), text);
    }
    const [root, swap, data] = ["root.img", "swap.img", "data.img"].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    await runChecked(host, ["mke2fs", "-q", "-t", "ext4", "-d", join(folder, "tree"), root, "24M"]);
    await writeFile(swap, "");
    await truncate(swap, 8 * MIB);
    await runChecked(host, ["mkswap", "-q", swap]);
    // a whole disk with a partition
    await writeFile(data, "");
    await truncate(data, 32 * MIB);
    await runChecked(host, ["sfdisk", "--quiet", data], {
      input: "label: dos\nlabel-id: 0x1f2e3d4c\nstart=2048, type=83\n",
    });
    const uuid = "5e9b7c6e-2d27-4a7e-9d3f-6a2f4b8c1d20";
    await runChecked(host, ["mke2fs", "-q", "-F", "-t", "ext4", "-U", uuid, "-E", `offset=${MIB}`, data, "31744k"]);
    const before = await Promise.all([root, swap, data].map((path) => readFile(path)));

    const disks = [disk("xvda2", root), disk("xvda1", swap), disk("xvdb", data)];
    const nics = ["00:16:3e:00:00:01", "00:16:3e:00:00:02"].map((mac) => ({ mac, bridge: "br0", model: undefined }));
    const { guest, devices } = await lookAtDisks(
      { host, disks: disks.map(({ device, path }) => ({ device, path, format: "raw" })) },
      host,
      async (look) => ({ guest: await readGuest(look, nics), devices: look.devices }),
    );

    if (typeof guest === "string") assert.fail(guest);
    assert.equal(guest.hostname, "shop");
    assert.deepEqual([guest.distribution.id, guest.distribution.version], ["debian", "12"]);
    assert.deepEqual(
      guest.kernels.map(({ release, hasVirtio }) => [release, hasVirtio]),
      [
        ["2.6.32-5-xen-amd64", false],
        ["6.1.0-9-amd64", true],
      ],
    );
    assert.deepEqual(
      guest.network.nics.map(({ name, mac, addresses }) => [name, mac, addresses]),
      [
        ["enX0", "00:16:3e:00:00:01", ["192.0.2.30/24"]],
        ["enX1", "00:16:3e:00:00:02", ["10.0.0.2/16"]],
      ],
    );
    assert.deepEqual(guest.network.routes, [{ destination: "default", gateway: "192.0.2.1", nic: "enX0" }]);
    assert.deepEqual(guest.unknown, []);
    const built = buildDisks(disks, devices, guest.mountPoints);
    assert.deepEqual(
      built.map((one) => [one.name, one.size, one.partitionTable, one.tableId, one.format, one.mountPoint]),
      [
        ["xvda2", 24 * MIB, undefined, undefined, "ext4", "/"],
        ["xvda1", 8 * MIB, undefined, undefined, "swap", undefined],
        ["xvdb", 32 * MIB, "dos", "1f2e3d4c", undefined, undefined],
      ],
    );
    assert.deepEqual(
      built[2]?.contents.map(({ name, type, start, format, mountPoint }) => [name, type, start, format, mountPoint]),
      [["xvdb1", "partition", MIB, "ext4", "/srv"]],
    );
    const after = await Promise.all([root, swap, data].map((path) => readFile(path)));
    after.forEach((content, index) => assert.ok(content.equals(before[index]!), `disk ${index}`));
  });
});

function disk(device: string, path: string): DomainDisk {
  return { device, path, backend: "file", writable: true, cdrom: false };
}
