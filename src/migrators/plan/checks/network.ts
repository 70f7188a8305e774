import type { Concern } from "../../types.js";
import { concern } from "../concerns.js";
import { grouped, listed, type PlanContext } from "../context.js";
import { isEthernet } from "../draft.js";

/** MACs that stay unique, bridges that exist, cards that are not forgotten. */
export function checkNetwork(context: PlanContext): readonly Concern[] {
  return [...macs(context), ...bridges(context), ...cards(context)];
}

function macs({ draft, others, target }: PlanContext): readonly Concern[] {
  return [...grouped(draft.nics, (nic) => nic.mac)].flatMap(([mac, nics]): Concern[] => {
    const owners = [
      ...nics.slice(1).map((nic) => `${nic.name} of this guest`),
      ...others.filter((other) => other.nics.some((nic) => nic.mac === mac)).map((other) => `guest ${other.name}`),
      ...(target.domains ?? [])
        .filter((domain) => domain.name !== draft.name && domain.macs.includes(mac))
        .filter((domain) => !others.some((other) => other.name === domain.name))
        .map((domain) => `domain ${domain.name} on the target`),
    ];
    if (owners.length === 0) return [];
    return [
      concern(
        "mac-duplicate",
        `${mac} of ${nics[0]?.name ?? ""} is also the MAC of ${listed(owners)}`,
        "give one of them another MAC; two sources of one guest, or a copy of it, must not run at the same time",
      ),
    ];
  });
}

function bridges({ draft, target }: PlanContext): readonly Concern[] {
  const known = target.bridges;
  if (known === undefined) return []; // target-incomplete tells
  const missing = new Set(draft.nics.map((nic) => nic.bridge).filter((bridge) => !known.includes(bridge)));
  return [...missing].map((bridge) =>
    concern(
      "bridge-missing",
      `there is no bridge ${bridge} for ${listed(draft.nics.filter((nic) => nic.bridge === bridge).map((nic) => nic.name))}`,
      known.length === 0
        ? `make it on the target, such as in /etc/network/interfaces`
        : `make it, or choose one of ${listed(known)} (target.bridge, or bridges of the guest)`,
    ),
  );
}

function cards({ draft, guest, machine }: PlanContext): readonly Concern[] {
  const { nics } = machine.network;
  const moved = new Set(draft.nics.map((nic) => nic.name));
  const left = nics.filter((nic) => nic.physical && !moved.has(nic.name));
  const unused = left.filter(isEthernet).map((nic) => nic.name);
  const strange = left.filter((nic) => !isEthernet(nic)).map((nic) => nic.name);
  const bonds = nics.filter((nic) => !nic.physical && /^(bond|team)/.test(nic.name)).map((nic) => nic.name);
  const unknown = Object.keys(guest.bridges).filter((name) => !nics.some((nic) => nic.name === name && nic.physical));
  return [
    ...(moved.size > 0 ? [] : [concern("nic-none", "the guest has no network card", "see rehome inspect")]),
    ...unknown.map((name) =>
      concern(
        "nic-unknown",
        `rehome.yaml gives a bridge for ${name}, which is no network card of the source`,
        `its cards are ${listed(nics.filter((nic) => nic.physical).map((nic) => nic.name)) || "none"}`,
      ),
    ),
    ...strange.map((name) =>
      concern(
        "nic-not-ethernet",
        `${name} is no Ethernet card and is not moved`,
        "reach its network by a bridge instead",
      ),
    ),
    ...(bonds.length === 0
      ? []
      : [
          concern(
            "nic-bonded",
            `${listed(bonds)} bonds cards: each becomes a card of the guest`,
            "modes that need the switch (802.3ad) do not work in a guest: use active-backup, or one card",
          ),
        ]),
    ...(unused.length === 0
      ? []
      : [
          concern(
            "nic-unused",
            `${listed(unused)} ${unused.length === 1 ? "is" : "are"} down and without address, and not moved`,
            "to move one, name it below bridges of the guest",
          ),
        ]),
  ];
}
