import { element, type XmlElement } from "../../../lib/xml.js";
import { operations, pairSet } from "../../cib/make.js";
import { bmcAddress } from "../facts/bmc.js";
import type { Member } from "../members.js";

/** Where a host's fencing device finds the BMC's password; see templates/cluster/fence-password.sh. */
export function passwordScript(name: string): string {
  return `/etc/rehome/fence/${name}.sh`;
}

export function fencingId(name: string): string {
  return `fence-${name}`;
}

/**
 * What fences a member: its BMC. `method=onoff` because a power cycle in one command says nothing of whether the power
 * was ever off. The password stays out of the CIB, which everyone in the group haclient may read.
 * @param delay how long its fencing waits, so that of two members that fence each other one does it first
 */
export function fencingDevice({ name, bmc }: Member, delay: string | undefined): XmlElement {
  const id = fencingId(name);
  const { ip, port } = bmcAddress(bmc.address);
  return element("primitive", { id, class: "stonith", type: bmc.agent }, [
    pairSet("instance_attributes", `${id}-ia`, {
      ip,
      ipport: port,
      username: bmc.user,
      password_script: passwordScript(name),
      lanplus: "1",
      cipher: bmc.cipher === undefined ? undefined : `${bmc.cipher}`,
      method: "onoff",
      pcmk_host_list: name,
      pcmk_delay_base: delay,
    }),
    operations(id, [{ name: "monitor", interval: "300s", timeout: "60s" }]),
  ]);
}

/** A member never watches over its own fencing device: it cannot fence itself. */
export function fencingPlace({ name }: Member): XmlElement {
  const id = `loc-${fencingId(name)}`;
  return element("rsc_location", { id, rsc: fencingId(name), node: name, score: "-INFINITY" });
}
