import { RehomeError } from "../../src/lib/errors.js";
import { nearest } from "../../src/lib/nearest.js";
import { SERVER_ADDRESS } from "../helpers/server-image.js";
import type { BmcSpec, MachineSpec, NicSpec } from "./types.js";

const GIB = 1024 ** 3;

/** The lab's world itself on its LAN: the machines' gateway, which answers pings. */
export const GATEWAY = "192.0.2.1";

/** Every machine that the lab can make. The numbers are the last part of all its addresses. */
export const MACHINES: readonly MachineSpec[] = [
  node("alpha", 11, { memory: 1.5 * GIB, bridge: true, emptyDisks: [4 * GIB] }),
  node("beta", 12, { memory: 1.5 * GIB, bridge: true, emptyDisks: [4 * GIB] }),
  node("arb", 13, { memory: 0.5 * GIB, bridge: false, emptyDisks: [] }),
  {
    name: "phys",
    kind: "server",
    memory: 0.625 * GIB,
    nics: [{ network: "lan", address: SERVER_ADDRESS, mac: "52:54:00:1a:00:10" }],
    bridge: false,
    emptyDisks: [],
    bmc: bmc("phys", 10),
  },
  {
    name: "dom0",
    kind: "xen",
    memory: 1.75 * GIB,
    nics: [{ network: "lan", address: "192.0.2.20", mac: "52:54:00:1a:00:20" }],
    bridge: true,
    emptyDisks: [3 * GIB],
    bmc: bmc("dom0", 20),
  },
];

/** @throws RehomeError usage when the lab has no machine of this name */
export function machineSpec(name: string): MachineSpec {
  const found = MACHINES.find((machine) => machine.name === name);
  if (found !== undefined) return found;
  const names = MACHINES.map((machine) => machine.name);
  const meant = nearest(name, names);
  throw new RehomeError("usage", `the lab has no machine "${name}"`, {
    remedy: meant === undefined ? `it has ${names.join(", ")}` : `did you mean ${meant}?`,
  });
}

function node(name: string, number: number, rest: Pick<MachineSpec, "memory" | "bridge" | "emptyDisks">): MachineSpec {
  const nics: readonly NicSpec[] = [
    { network: "lan", address: `192.0.2.${number}`, mac: `52:54:00:1a:00:${number}` },
    { network: "backplane", address: `10.255.0.${number}`, mac: `52:54:00:1b:00:${number}` },
  ];
  return { name, kind: "node", nics, ...rest, bmc: bmc(name, number) };
}

function bmc(name: string, number: number): BmcSpec {
  return { address: `192.0.2.${100 + number}`, user: "admin", password: `bmc-${name}` };
}
