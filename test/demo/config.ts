import { join } from "node:path";
import { stringify } from "yaml";
import type { z } from "zod";
import type { configSchema } from "../../src/lib/config/schema.js";
import { localHost } from "../../src/lib/host/local-host.js";
import { LEDGER_PORT, SERVER_ADDRESS, SERVER_NIC } from "../helpers/server-image.js";
import type { Source } from "./source.js";

/** The guest's name, and its source's. */
export const GUEST = "web1";

/** Writes the rehome.yaml that an administrator would write for this server. */
export async function writeConfig(work: string, source: Source): Promise<string> {
  const config: z.input<typeof configSchema> = {
    version: 1,
    sources: {
      [GUEST]: {
        address: `root@${SERVER_ADDRESS}`,
        identity: source.identity,
        knownHosts: source.knownHosts,
        powerOn: [...source.powerOn],
        powerOff: [...source.powerOff],
      },
    },
    target: { volumes: join(work, "volumes"), state: stateFolder(work), bridge: "br0" },
    guests: {
      [GUEST]: {
        source: GUEST,
        bridges: { [SERVER_NIC]: "br0" },
        stopServices: ["ledger", "churn"],
        checks: [{ tcp: `${SERVER_ADDRESS}:${LEDGER_PORT}` }],
        bootTimeout: "10min",
      },
    },
  };
  const path = configFile(work);
  await localHost().writeFile(path, stringify(config));
  return path;
}

export function configFile(work: string): string {
  return join(work, "rehome.yaml");
}

export function stateFolder(work: string): string {
  return join(work, "state");
}
