import { RehomeError } from "../../../lib/errors.js";
import { parseVolumes, VOLUMES } from "../../staging/tracking/lvm.js";
import { isOf } from "../../staging/tracking/snapshots.js";
import { GuestfishError, type GuestfishSession } from "./session.js";

/**
 * For the appliance's shell, which would take the separator for a pipe. What LVM cannot list is none of rehome's: what
 * is wrong with it shows when the root is looked for.
 */
const VOLUMES_SCRIPT = `lvm ${VOLUMES.join(" ").replace("|", '"|"')} || true`;

/**
 * Removes rehome's snapshots of this guest from its disks. A copy that was made between two passes has their names, and
 * each looks like the volume that it was made of, down to its UUID. The guest that is tried then is the one that the cutover
 * will make: at rest there are none of them. What anybody else made stays, whatever its name is.
 * @throws RehomeError conversion-failed
 */
export async function removeOwnSnapshots(session: GuestfishSession, guest: string): Promise<void> {
  const listed = (await session.run("debug", ["sh", VOLUMES_SCRIPT])).toString("latin1");
  for (const snapshot of parseVolumes(listed).filter((volume) => isOf(guest, volume))) {
    try {
      await session.run("lvremove", [`/dev/mapper/${snapshot.dmName}`]);
    } catch (thrown) {
      if (!(thrown instanceof GuestfishError)) throw thrown;
      const name = `${snapshot.group}/${snapshot.name}`;
      throw new RehomeError("conversion-failed", `rehome's own snapshot ${name} cannot be removed from the copy`, {
        machine: guest,
        output: thrown.reason.slice(-2000),
        remedy: `run rehome stage ${guest} again, whose pass copies LVM's metadata as they are then`,
      });
    }
  }
}
