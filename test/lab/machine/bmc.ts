import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mkdir } from "node:fs/promises";
import type { Host } from "../../../src/lib/host/types.js";
import { runChecked } from "../../../src/lib/host/run.js";
import type { MachineSpec } from "../types.js";

const CHASSIS = fileURLToPath(new URL("chassis.sh", import.meta.url));

/** A management controller and nothing else: no sensors, a log of 1000 entries. The numbers are those of a real one. */
const EMULATION = `mc_setbmc 0x20
mc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02 persist_sdr
sel_enable 0x20 1000 0x0a
mc_enable 0x20
`;

/** ipmi_sim's lan.conf (ipmi_lan(5)): one LAN channel, one administrator, the power through chassis.sh. */
export function bmcConfig(spec: MachineSpec, folder: string): string {
  const { address, user, password } = spec.bmc;
  const auth = ["callback", "user", "operator", "admin"].map(
    (level) => `  allowed_auths_${level} none md2 md5 straight\n`,
  );
  return `name "${spec.name}"
set_working_mc 0x20
startlan 1
  addr ${address} 623
  priv_limit admin
${auth.join("")}  guid a123456789abcdefa123456789abcdef
endlan
chassis_control "sh ${CHASSIS} ${folder}"
user 1 false "" "" user 10 none md2 md5 straight
user 2 true "${user}" "${password}" admin 10 none md2 md5 straight
`;
}

/**
 * Starts the machine's BMC: real IPMI on an address of its own on the LAN, whatever becomes of the machine.
 * @param world a Host whose programs run inside the lab's world
 */
export async function startBmc(world: Host, spec: MachineSpec, folder: string): Promise<void> {
  const [config, emulation, state] = ["bmc.conf", "bmc.emu", "bmc-state"].map((name) => join(folder, name));
  await mkdir(`${state}`, { recursive: true });
  await world.writeFile(`${config}`, bmcConfig(spec, folder));
  await world.writeFile(`${emulation}`, EMULATION);
  await runChecked(world, ["ip", "address", "replace", `${spec.bmc.address}/24`, "dev", "lan"]);
  const start = 'setsid ipmi_sim -c "$1" -f "$2" -s "$3" -n </dev/null >"$3/log" 2>&1 &';
  await runChecked(world, ["sh", "-c", start, "sh", `${config}`, `${emulation}`, `${state}`]);
}
