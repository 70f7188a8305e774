import { BlockList, isIPv6 } from "node:net";
import { formatDuration, formatRate } from "../../../lib/units.js";
import { clusterConcern, type ClusterConcern } from "../concerns.js";
import { TOO_SLOW } from "../facts/link.js";
import { nicWith } from "../facts/network.js";
import type { MachineFacts } from "../facts/types.js";
import { memberFacts, type CheckContext, type ClusterCheck } from "./context.js";

const CLOCK_MS = 1000;
/** Bytes a second: a little less than 1 Gbit/s carries. */
const SLOW = 100e6;

export const checkClocks: ClusterCheck = ({ facts }) => {
  const members = memberFacts(facts);
  const known = members
    .filter(({ clock }) => Number.isFinite(clock.uncertainty))
    .toSorted((a, b) => a.clock.skew - b.clock.skew);
  const [first, last] = [known[0], known.at(-1)];
  const apart = first && last ? last.clock.skew - first.clock.skew : 0;
  const doubt = first && last ? first.clock.uncertainty + last.clock.uncertainty : 0;
  return [
    ...(first !== undefined && last !== undefined && apart - doubt > CLOCK_MS
      ? [
          clusterConcern(
            "clock-differs",
            undefined,
            `the clock of ${last.name} is ${formatDuration(apart)} ahead of that of ${first.name}`,
            "set them right and keep them so with chrony or systemd-timesyncd",
          ),
        ]
      : []),
    ...facts.machines
      .filter(({ clock }) => clock.synchronized === false)
      .map(({ name }) =>
        clusterConcern(
          "clock-unsynchronized",
          name,
          "its clock is not kept in time",
          "install chrony, or run timedatectl set-ntp true; logs that are out of step hide what happened",
        ),
      ),
  ];
};

export const checkNames: ClusterCheck = ({ cluster, facts }) => {
  const machines = [...Object.entries(cluster.hosts), [cluster.arbitrator.name, cluster.arbitrator] as const];
  return facts.machines.flatMap(({ name: asked, names }) =>
    machines.flatMap(([name, { lan }]) => {
      const found = names.get(name) ?? [];
      if (found.length === 0 || found.includes(lan)) return [];
      return [
        clusterConcern(
          "name-conflict",
          asked,
          `${name} is ${found.join(", ")} there, not ${lan}`,
          "correct /etc/hosts or the DNS; Debian's installer writes the machine's own name beside 127.0.1.1",
        ),
      ];
    }),
  );
};

export const checkNetworks: ClusterCheck = (context) => [
  ...context.facts.machines.flatMap((machine) => networksOf(machine, context)),
  ...subnets(context, "lan"),
  ...subnets(context, "backplane"),
  ...context.facts.machines.flatMap(({ name, gateways }) =>
    [...gateways]
      .filter(([, answers]) => !answers)
      .map(([gateway]) =>
        clusterConcern(
          "gateway-silent",
          name,
          `${gateway} does not answer a ping`,
          "correct cluster.gateways: a gateway that never answers cannot tell a host's failure from its own",
        ),
      ),
  ),
];

function addressesOf({ cluster }: CheckContext, name: string): { lan: string; backplane: string | undefined } {
  const { lan, backplane } = cluster.hosts[name] ?? cluster.arbitrator;
  return { lan, backplane };
}

function networksOf(machine: MachineFacts, context: CheckContext): readonly ClusterConcern[] {
  const { name, nics, role } = machine;
  if (nics.length === 0) return []; // facts-incomplete tells
  const { lan, backplane } = addressesOf(context, name);
  const wanted = role === "qdevice" || backplane === undefined ? [lan] : [lan, backplane];
  const missing = wanted.filter((address) => nicWith(nics, address) === undefined);
  const absent = missing.map((address) =>
    clusterConcern(
      "network-missing",
      name,
      `no interface has ${address}; it has ${nics.flatMap((nic) => nic.addresses).join(", ") || "no address"}`,
      "correct the address in rehome.yaml, or bring the interface up",
    ),
  );
  const bridges = role === "host" ? context.cluster.bridges : [];
  const noBridge = bridges
    .filter((bridge) => !nics.some((nic) => nic.name === bridge && nic.isBridge))
    .map((bridge) =>
      clusterConcern(
        "bridge-missing",
        name,
        `there is no bridge ${bridge}`,
        "make it in /etc/network/interfaces with the LAN's card as its port (package bridge-utils), or correct bridges",
      ),
    );
  return [...absent, ...noBridge, ...(missing.length === 0 && wanted.length === 2 ? shared(machine, context) : [])];
}

function shared({ name, nics }: MachineFacts, context: CheckContext): readonly ClusterConcern[] {
  const { lan, backplane = "" } = addressesOf(context, name);
  const [lanNic, backNic] = [nicWith(nics, lan), nicWith(nics, backplane)];
  const common = lanNic?.cards.filter((card) => backNic?.cards.includes(card)) ?? [];
  const subnet = backNic?.addresses.find((address) => address.split("/")[0] === backplane) ?? "";
  if (common.length === 0 && !isWithin(lan, subnet)) return [];
  return [
    clusterConcern(
      "network-shared",
      name,
      common.length > 0
        ? `the LAN and the backplane share the card ${common.join(", ")}`
        : `the LAN's address ${lan} is in the backplane's subnet ${subnet}`,
      "give the backplane a card, a cable and a subnet of its own: whatever breaks one must not break both",
    ),
  ];
}

/** All machines on one network must be in the subnet of the first. */
function subnets(context: CheckContext, network: "lan" | "backplane"): readonly ClusterConcern[] {
  const members = memberFacts(context.facts).filter(({ nics }) => nics.length > 0);
  const [first, ...others] = members;
  const address = first && addressesOf(context, first.name)[network];
  const full = first?.nics.flatMap((nic) => nic.addresses).find((each) => each.split("/")[0] === address);
  if (first === undefined || full === undefined) return [];
  return others.flatMap(({ name }) => {
    const other = addressesOf(context, name)[network];
    if (other === undefined || isWithin(other, full)) return [];
    return [
      clusterConcern(
        "network-split",
        name,
        `its ${network === "lan" ? "LAN" : "backplane"} address ${other} is not in ${first.name}'s subnet ${full}`,
        "put both on one subnet: nothing that routes may stand between them",
      ),
    ];
  });
}

/** Whether an address is in the subnet that another, written with its prefix length, is in. */
function isWithin(address: string, full: string): boolean {
  const [base = "", prefix = ""] = full.split("/");
  const family = isIPv6(base) ? "ipv6" : "ipv4";
  if (base === "" || (isIPv6(address) ? "ipv6" : "ipv4") !== family) return false;
  const list = new BlockList();
  list.addSubnet(base, Number(prefix), family);
  return list.check(address, family);
}

export const checkBackplane: ClusterCheck = ({ facts }) => {
  const { link } = facts;
  if (link === undefined) return [];
  if (link.rate === undefined) {
    return [
      clusterConcern(
        "backplane-unreachable",
        undefined,
        link.failure ?? "nothing arrived",
        "see that both are plugged in and up, and that no firewall stands between the hosts' backplane addresses",
      ),
    ];
  }
  if (link.rate >= SLOW) return [];
  const remedy = "look at the cards, the cable and the switch: every write of a guest waits for the backplane";
  return [
    clusterConcern(
      link.rate < TOO_SLOW && !link.busy ? "backplane-too-slow" : "backplane-slow",
      undefined,
      link.busy
        ? `the backplane carries ${formatRate(link.rate)} at least; the hosts were too busy to measure more`
        : `the backplane carries ${formatRate(link.rate)}`,
      link.busy ? "measure again when they have less to do: rehome cluster plan" : remedy,
    ),
  ];
};
