import { readText } from "../../conversion/text.js";
import type { GuestFilesystem } from "../../conversion/types.js";
import type { Network, Nic, Route } from "../../types.js";
import type { DomainNic } from "../types.js";

const INTERFACES = "/etc/network/interfaces";
const RULES = "/etc/udev/rules.d/70-persistent-net.rules";
/** What a paravirtual card is called: by the kernel, and by udev since systemd 253 (in Debian 12 too). */
const CARD = /^(eth|enX)\d+$/;

export interface FoundNetwork {
  readonly network: Network;
  /** Cards whose name in the guest could not be told. */
  readonly guessed: readonly string[];
}

/**
 * The network as the guest's own files have it. A domain says nothing of its cards' names: udev's rules know them by MAC,
 * and the configuration (interfaces(5)) names them in the order in which they are plugged in.
 */
export async function readNetwork(files: GuestFilesystem, nics: readonly DomainNic[]): Promise<FoundNetwork> {
  const stanzas = parseInterfaces(await interfacesText(files));
  const rules = (await readText(files, RULES)) ?? "";
  const named = [...stanzas.keys()].filter((name) => CARD.test(name)).toSorted(byNumber);
  const guessed: string[] = [];
  const cards = nics.flatMap(({ mac }, index): readonly Nic[] => {
    if (mac === undefined) return [];
    const known = nameInRules(rules, mac) ?? named.find((name) => Number(/\d+$/.exec(name)?.[0]) === index);
    if (known === undefined) guessed.push(`eth${index}`);
    const name = known ?? `eth${index}`;
    return [{ name, mac, addresses: stanzas.get(name)?.addresses ?? [], up: true, physical: true }];
  });
  const routes = [...stanzas].flatMap(([nic, { gateway }]): readonly Route[] =>
    gateway === undefined ? [] : [{ destination: "default", gateway, nic }],
  );
  const resolv = (await readText(files, "/etc/resolv.conf")) ?? "";
  const nameservers = [...resolv.matchAll(/^[ \t]*nameserver[ \t]+(\S+)/gm)].map(([, server = ""]) => server);
  return { network: { nics: cards, routes, nameservers }, guessed };
}

function byNumber(a: string, b: string): number {
  return Number(/\d+$/.exec(a)?.[0]) - Number(/\d+$/.exec(b)?.[0]);
}

async function interfacesText(files: GuestFilesystem): Promise<string> {
  const more = (await files.list(`${INTERFACES}.d`)).map((name) => `${INTERFACES}.d/${name}`);
  const texts = await Promise.all([INTERFACES, ...more].map((path) => readText(files, path)));
  return texts.map((text) => text ?? "").join("\n");
}

interface Stanza {
  readonly addresses: string[];
  gateway?: string;
}

/** The addresses of each interface: interfaces(5), `address` with or without `netmask`. */
export function parseInterfaces(text: string): ReadonlyMap<string, Stanza> {
  const stanzas = new Map<string, Stanza>();
  let open: Stanza | undefined;
  for (const line of text.replace(/\\\n/g, " ").split("\n")) {
    const [word, ...rest] = line.trim().split(/\s+/);
    if (word === "iface") {
      const name = rest[0] ?? "";
      open = stanzas.get(name) ?? { addresses: [] };
      stanzas.set(name, open);
    } else if (
      ["auto", "mapping", "source", "source-directory", "rename"].includes(word ?? "") ||
      word?.startsWith("allow-")
    ) {
      open = undefined;
    } else if (word === "address" && rest[0] !== undefined) open?.addresses.push(rest[0]);
    else if (word === "gateway" && open !== undefined) open.gateway = rest[0] ?? "";
    else if (word === "netmask" && open !== undefined) {
      const last = open.addresses.pop();
      if (last !== undefined) open.addresses.push(last.includes("/") ? last : `${last}/${prefixOf(rest[0] ?? "")}`);
    }
  }
  return stanzas;
}

/** 255.255.255.0 and 24 alike. */
function prefixOf(netmask: string): number {
  if (!netmask.includes(".")) return Number(netmask);
  return netmask.split(".").reduce((bits, part) => bits + (Number(part).toString(2).match(/1/g)?.length ?? 0), 0);
}

/** The name that a rule of udev's generator gives a MAC. */
function nameInRules(rules: string, mac: string): string | undefined {
  const rule = rules.split("\n").find((line) => !line.startsWith("#") && line.toLowerCase().includes(`"${mac}"`));
  return rule === undefined ? undefined : /NAME="([^"]+)"/.exec(rule)?.[1];
}
