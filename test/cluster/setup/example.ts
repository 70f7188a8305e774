import { parseConfig } from "../../../src/lib/config/load.js";
import type { ClusterConfig } from "../../../src/lib/config/schema.js";

/** A cluster as rehome.yaml describes it: two hosts, and a quorum device or a full member as the third. */
export function exampleCluster(
  kind: "qdevice" | "member" = "qdevice",
  changes: Partial<ClusterConfig> = {},
): ClusterConfig {
  const bmc = (address: string): object => ({ address, user: "fence", passwordFile: "/run/bmc" });
  const config = parseConfig(
    JSON.stringify({
      version: 1,
      cluster: {
        name: "office",
        hosts: {
          alpha: { lan: "192.0.2.11", backplane: "10.255.0.1", bmc: bmc("10.0.0.201") },
          beta: { lan: "192.0.2.12", backplane: "10.255.0.2", bmc: bmc("10.0.0.202:6230") },
        },
        arbitrator: {
          kind,
          name: "arb",
          lan: "192.0.2.13",
          ...(kind === "member" && { backplane: "10.255.0.3", bmc: bmc("10.0.0.203") }),
        },
        gateways: ["192.0.2.1", "192.0.2.2"],
      },
    }),
    "rehome.yaml",
  );
  return { ...config.cluster!, ...changes };
}
