import type { Problem } from "./problems.js";
import type { ClusterConfig } from "./schema.js";

/** What the schema cannot say of the cluster section: keys that go together, names and addresses that must differ. */
export function clusterProblems(cluster: ClusterConfig | undefined): readonly Problem[] {
  if (cluster === undefined) return [];
  return [...passwordProblems(cluster), ...memberProblems(cluster), ...duplicates(cluster)];
}

function passwordProblems({ hosts, arbitrator }: ClusterConfig): readonly Problem[] {
  const bmcs = [
    ...Object.entries(hosts).map(([name, host]) => ({ path: ["cluster", "hosts", name, "bmc"], bmc: host.bmc })),
    ...(arbitrator.bmc === undefined ? [] : [{ path: ["cluster", "arbitrator", "bmc"], bmc: arbitrator.bmc }]),
  ];
  return bmcs
    .filter(({ bmc }) => (bmc.passwordFile === undefined) === (bmc.passwordVariable === undefined))
    .map(({ path }) => ({
      path,
      message: "must have just one of passwordFile, passwordVariable",
      remedy: "name the file, or the environment variable, that has the password",
    }));
}

/** A full member takes part in corosync on both networks, and must be fenced when it hangs. */
function memberProblems({ arbitrator }: ClusterConfig): readonly Problem[] {
  if (arbitrator.kind !== "member") return [];
  return (["backplane", "bmc"] as const)
    .filter((key) => arbitrator[key] === undefined)
    .map((key) => ({
      path: ["cluster", "arbitrator", key],
      message: `a full member needs "${key}"`,
      remedy: `add cluster.arbitrator.${key}, or make it a qdevice`,
    }));
}

function duplicates({ hosts, arbitrator, gateways }: ClusterConfig): readonly Problem[] {
  const machines = [
    ...Object.entries(hosts).map(([name, host]) => ({ ...host, name, path: ["cluster", "hosts", name] })),
    { ...arbitrator, path: ["cluster", "arbitrator"] },
  ];
  const seen = new Map<string, string>();
  const problems: Problem[] = [];
  const claim = (value: string, path: readonly PropertyKey[], owner: string): void => {
    const other = seen.get(value);
    if (other === undefined) seen.set(value, owner);
    else {
      problems.push({
        path,
        message: `${value} is what ${other} has already`,
        remedy: "give each machine names and addresses of its own",
      });
    }
  };
  for (const { path, name, lan, backplane } of machines) {
    claim(name, name === arbitrator.name ? [...path, "name"] : path, name);
    claim(lan, [...path, "lan"], name);
    if (backplane !== undefined) claim(backplane, [...path, "backplane"], name);
  }
  gateways.forEach((gateway, index) => claim(gateway, ["cluster", "gateways", index], "the list of gateways"));
  return problems;
}
