import type { NicFacts } from "./types.js";

/** What `ip -json -details address` says of an interface, as far as we read it. */
interface IpLink {
  readonly ifname?: string;
  readonly link?: string;
  readonly master?: string;
  readonly linkinfo?: { readonly info_kind?: string };
  readonly addr_info?: readonly { readonly local?: string; readonly prefixlen?: number; readonly scope?: string }[];
}

/**
 * Interfaces and the cards below them.
 * @param json of `ip -json -details address`
 * @param speeds lines such as `/sys/class/net/eth0/speed:1000` (Mbit/s; -1 where it is not known)
 */
export function parseNics(json: string, speeds: string): readonly NicFacts[] {
  const links = (JSON.parse(json === "" ? "[]" : json) as readonly IpLink[]).filter((link) => link.ifname !== "lo");
  const speedOf = parseSpeeds(speeds);
  return links.map((link) => {
    const name = link.ifname ?? "";
    const cards = cardsBelow(name, links);
    const known = cards.flatMap((card) => speedOf.get(card) ?? []);
    return {
      name,
      addresses: (link.addr_info ?? []).flatMap(({ local, prefixlen, scope }) =>
        local !== undefined && scope === "global" ? [`${local}/${prefixlen ?? 0}`] : [],
      ),
      isBridge: link.linkinfo?.info_kind === "bridge",
      cards,
      speed: known.length === 0 ? undefined : Math.max(...known),
    };
  });
}

/** Ports of a bridge and members of a bond name it as their master; a VLAN names its card as its link. */
function cardsBelow(name: string, links: readonly IpLink[], above: readonly string[] = []): readonly string[] {
  if (above.includes(name)) return []; // the two ends of a pair of virtual cards name each other
  const own = links.find((link) => link.ifname === name);
  const kind = own?.linkinfo?.info_kind;
  const ports = links.filter((link) => link.master === name && link.linkinfo?.info_kind !== "tun");
  const below = [...ports.flatMap((link) => link.ifname ?? []), ...(kind === "vlan" ? [own?.link ?? ""] : [])];
  if (below.length === 0) return [name];
  return [...new Set(below.flatMap((each) => cardsBelow(each, links, [...above, name])))];
}

function parseSpeeds(lines: string): ReadonlyMap<string, number> {
  return new Map(
    [...lines.matchAll(/^\/sys\/class\/net\/([^/]+)\/speed:(\d+)$/gm)].map(([, name = "", mbit]) => [
      name,
      (Number(mbit) * 1e6) / 8,
    ]),
  );
}

/** The interface that has an address. */
export function nicWith(nics: readonly NicFacts[], address: string): NicFacts | undefined {
  return nics.find((nic) => nic.addresses.some((each) => each.split("/")[0] === address));
}
