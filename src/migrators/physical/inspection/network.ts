import type { Network, Nic, Route } from "../../types.js";
import { failureOf, records, section, type NoteUnknown, type Section, type Sections } from "./sections.js";
import { parseIfconfig } from "./ifconfig.js";

export function parseNetwork(sections: Sections, unknown: NoteUnknown): Network {
  return {
    nics: parseNics(sections, unknown),
    routes: parseRoutes(sections, unknown),
    nameservers: parseNameservers(sections),
  };
}

const IFF_UP = 1;
const LOOPBACK = "772";

function parseNics(sections: Sections, unknown: NoteUnknown): readonly Nic[] {
  const own = permanentMacs(section(sections, "bonds"));
  const addresses = parseAddresses(sections, unknown);
  return records(section(sections, "nics").lines, "nic")
    .filter((record) => record.value("type") !== LOOPBACK)
    .map((record) => {
      const name = record.words.join(" ");
      const up = (Number.parseInt(record.value("flags") ?? "0", 16) & IFF_UP) === IFF_UP;
      return {
        name,
        mac: own.get(name) ?? record.value("mac") ?? "",
        addresses: addresses.get(name) ?? [],
        up: up && !["down", "lowerlayerdown"].includes(record.value("operstate") ?? ""),
        physical: record.value("device") !== undefined,
      };
    });
}

/** The MACs that members of a bond had before the bond gave them its own. */
function permanentMacs(bonds: Section): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let nic = "";
  for (const line of bonds.lines) {
    const [key, value = ""] = line.split(/:\s(.*)/);
    if (key === "Slave Interface") nic = value.trim();
    else if (key === "Permanent HW addr") found.set(nic, value.trim().toLowerCase());
  }
  return found;
}

/** Addresses of global scope with their prefix length, by NIC: `ip -o addr`, else ifconfig. */
function parseAddresses(sections: Sections, unknown: NoteUnknown): ReadonlyMap<string, readonly string[]> {
  const ip = section(sections, "addresses");
  if (ip.status !== 0) {
    const old = section(sections, "addresses-old");
    if (old.status === 0) return parseIfconfig(old.lines);
    unknown(`network addresses: ${failureOf(ip, "ip") ?? ""}, ${failureOf(old, "ifconfig") ?? ""}`);
    return new Map();
  }
  const found = new Map<string, string[]>();
  for (const line of ip.lines) {
    const match = /^\d+:\s+(\S+?)(?:@\S+)?\s+inet(6?)\s+(\S+)\s(.*)$/.exec(line);
    if (match === null || !/\bscope (global|site)\b/.test(line) || /\btemporary\b/.test(line)) continue;
    const [, nic = "", six = "", address = ""] = match;
    const full = address.includes("/") ? address : `${address}/${six === "6" ? 128 : 32}`;
    found.set(nic, [...(found.get(nic) ?? []), full]);
  }
  return found;
}

function parseRoutes(sections: Sections, unknown: NoteUnknown): readonly Route[] {
  const four = section(sections, "routes");
  const six = section(sections, "routes6");
  if (four.status !== 0) {
    const old = section(sections, "routes-old");
    if (old.status !== 0) unknown(`routes: ${failureOf(four, "ip") ?? ""}, and /proc/net/route cannot be read`);
    return oldRoutes(old.lines);
  }
  return [...four.lines.flatMap((line) => routesOf(line, 32)), ...six.lines.flatMap((line) => routesOf(line, 128))];
}

/** A line of `ip -o route`; several next hops stand in one line, separated by backslashes. */
function routesOf(line: string, bits: number): readonly Route[] {
  const [destination = ""] = line.split(/\s+/);
  if (!/^(default|[0-9a-fA-F:.]+(\/\d+)?)$/.test(destination) || /^(fe80|ff00):/.test(destination)) return [];
  const full = destination === "default" || destination.includes("/") ? destination : `${destination}/${bits}`;
  return line
    .split("\\")
    .flatMap((hop) => {
      const nic = /\sdev (\S+)/.exec(hop)?.[1];
      return nic === undefined ? [] : [{ destination: full, gateway: /\svia (?:inet6? )?(\S+)/.exec(hop)?.[1], nic }];
    })
    .filter((route) => route.nic !== "lo");
}

/** /proc/net/route: addresses as hexadecimal numbers in the processor's order, which is little-endian on PCs. */
function oldRoutes(lines: readonly string[]): readonly Route[] {
  return lines.slice(1).flatMap((line) => {
    const [nic = "", destination = "", gateway = "", , , , , mask = ""] = line.split(/\s+/);
    if (!/^[0-9A-F]{8}$/.test(destination) || nic === "lo") return [];
    const length = Number.parseInt(mask, 16).toString(2).replaceAll("0", "").length;
    const network = `${dottedQuad(destination)}/${length}`;
    return [
      {
        destination: network === "0.0.0.0/0" ? "default" : network,
        gateway: gateway === "00000000" ? undefined : dottedQuad(gateway),
        nic,
      },
    ];
  });
}

function dottedQuad(hex: string): string {
  return [...Buffer.from(hex, "hex").reverse()].join(".");
}

/** resolv.conf(5); where it only names systemd-resolved, the servers that this one asks. */
function parseNameservers(sections: Sections): readonly string[] {
  const servers = serversIn(section(sections, "resolver"));
  const stub = servers.length > 0 && servers.every((server) => server.startsWith("127.0.0.5"));
  const upstream = stub ? serversIn(section(sections, "resolver-systemd")) : [];
  return upstream.length > 0 ? upstream : servers;
}

function serversIn(resolver: Section): readonly string[] {
  return resolver.lines.flatMap((line) => /^\s*nameserver\s+(\S+)/.exec(line)?.[1] ?? []);
}
