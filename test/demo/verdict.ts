import type { ClusterSummary } from "../../src/cluster/summary.js";
import { LEDGER_FILE, SERVER_ADDRESS, SERVER_NIC } from "../helpers/server-image.js";
import type { Checks } from "./checks.js";
import type { Client, Outage } from "./client.js";
import { GUEST } from "./config.js";
import { runsInLibvirt } from "./libvirt.js";
import { Rehome } from "./rehome.js";
import { isSwitchedOn, onServer, type Source } from "./source.js";

/** What must be the same after the move, or must not. */
export interface Identity {
  readonly machineId: string;
  readonly bootId: string;
  readonly nic: string;
  readonly disks: string;
}

/** Asks the machine that answers at the server's address who it is. */
export async function identityOf(source: Source): Promise<Identity> {
  const files = ["/etc/machine-id", "/proc/sys/kernel/random/boot_id", `/sys/class/net/${SERVER_NIC}/address`];
  const output = await onServer(source, `cat ${files.join(" ")}; lsblk --nodeps --noheadings --output NAME`);
  const [machineId = "", bootId = "", nic = "", ...disks] = output.trim().split("\n");
  return { machineId, bootId, nic, disks: disks.sort().join(" ") };
}

/** Whether the same server now runs as a guest, kept by the runtime, and its source does not run any more. */
export async function checkGuest(work: string, source: Source, before: Identity, checks: Checks): Promise<void> {
  const after = await identityOf(source);
  checks.check(
    `the same server answers at ${SERVER_ADDRESS}, started anew on virtio disks (${before.disks} → ${after.disks})`,
    after.machineId === before.machineId && after.bootId !== before.bootId && after.disks === "vda vdb",
    JSON.stringify({ before, after }),
  );
  checks.check(`its NIC is still ${SERVER_NIC}, ${after.nic}`, after.nic === before.nic, `it was ${before.nic}`);
  const failed = (await onServer(source, "systemctl --failed --plain --no-legend")).trim();
  checks.check("all its services started", failed === "", failed);
  checks.check(`libvirt runs ${GUEST}`, await runsInLibvirt(GUEST));
  const { resources, failures } = (await new Rehome(work).json("cluster", "status")) as ClusterSummary;
  const resource = resources.find(({ id }) => id === GUEST);
  checks.check(
    `the runtime keeps it (${resource?.agent ?? "no resource"})`,
    resource?.managed === true && resource.instances[0]?.role === "started" && failures.length === 0,
    JSON.stringify({ resource, failures }),
  );
  checks.check("its source is off", !(await isSwitchedOn(work)));
}

/** Whether every number that the client was told is on the moved server's disk, once and in order. */
export async function checkNumbers(
  source: Source,
  client: Client,
  outage: Outage | undefined,
  checks: Checks,
): Promise<void> {
  const written = (await onServer(source, `cat ${LEDGER_FILE}`)).trim().split("\n").map(Number);
  const known = new Set(written);
  const lost = client.acknowledged.filter(({ number }) => !known.has(number)).map(({ number }) => number);
  checks.check(
    `none of ${client.acknowledged.length} acknowledged numbers was lost`,
    lost.length === 0 && client.acknowledged.length > 0,
    `lost: ${lost.slice(0, 20).join(" ")}`,
  );
  checks.check("none was given twice", known.size === written.length && increases(client.acknowledged));
  checks.check(
    `the guest went on where the source stopped: ${outage?.before.number} → ${outage?.after.number}`,
    outage !== undefined && outage.after.number > outage.before.number,
  );
}

function increases(numbers: readonly { readonly number: number }[]): boolean {
  return numbers.every((one, index) => index === 0 || one.number > numbers[index - 1]!.number);
}
