import type { Machine } from "../../machine/machine.js";

const VOLUME_GROUP = "vg0";

/** A resource of DRBD 8.4 between two machines, over the backplane, on a logical volume of the resource's name. */
function resource(machines: readonly Machine[], name: string): string {
  const ends = machines.map((machine) => `  on ${machine.name} { address ${machine.address("backplane")}:7800; }\n`);
  return `resource ${name} {
  volume 0 {
    device /dev/drbd0 minor 0;
    disk /dev/${VOLUME_GROUP}/${name};
    meta-disk internal;
  }
  net { protocol C; }
${ends.join("")}}
`;
}

/** Makes a volume on the second disk of both machines and replicates it; both sides are the same from the start. */
export async function makeReplicatedVolume(
  machines: readonly Machine[],
  name: string,
  mebibytes: number,
): Promise<void> {
  await Promise.all(
    machines.map(async (machine) => {
      await machine.check(["vgcreate", VOLUME_GROUP, "/dev/vdb"]);
      await machine.check(["lvcreate", "--yes", "--name", name, "--size", `${mebibytes}M`, VOLUME_GROUP]);
      await machine.writeFile(`/etc/drbd.d/${name}.res`, resource(machines, name));
      await machine.check(["drbdadm", "create-md", "--force", name]);
      await machine.check(["drbdadm", "up", name]);
    }),
  );
  const [first] = machines;
  await first?.check(["drbdadm", "wait-connect", name], { timeoutMs: 60_000 });
  await first?.check(["drbdadm", "new-current-uuid", "--clear-bitmap", `${name}/0`]);
}
