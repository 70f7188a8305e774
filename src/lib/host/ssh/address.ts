import { isIPv6 } from "node:net";
import { userInfo } from "node:os";
import { RehomeError } from "../../errors.js";
import type { SshAddress } from "./types.js";

/**
 * Reads `user@host`, `host:2222`, `root@[2001:db8::1]:22` or a bare IPv6 address. As with ssh, the user is the one
 * who runs rehome when none is given, and the port 22; aliases of ~/.ssh/config are not looked up.
 * @throws RehomeError usage
 */
export function parseAddress(text: string): SshAddress {
  const at = text.lastIndexOf("@");
  const user = at === -1 ? userInfo().username : text.slice(0, at);
  const place = text.slice(at + 1);
  const [host, port] = splitPlace(place);
  if (!/^[^\s:@-][^\s:@]*$/.test(user) || !isHost(host)) throw noAddress(text);
  if (port !== undefined && (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)) {
    throw new RehomeError("usage", `"${port}" in "${text}" is no port`, { remedy: "write a number from 1 to 65535" });
  }
  return { user, host, port: port === undefined ? 22 : Number(port) };
}

/** `user@host:port`, with brackets around an IPv6 address. */
export function formatAddress({ user, host, port }: SshAddress): string {
  return `${user}@${host.includes(":") ? `[${host}]` : host}:${port}`;
}

function splitPlace(place: string): [host: string, port: string | undefined] {
  const bracketed = /^\[([^\]]*)\](?::(.*))?$/s.exec(place);
  if (bracketed !== null) return [bracketed[1] ?? "", bracketed[2]];
  if (isIPv6(place)) return [place, undefined];
  const colon = place.indexOf(":");
  return colon === -1 ? [place, undefined] : [place.slice(0, colon), place.slice(colon + 1)];
}

function isHost(host: string): boolean {
  return isIPv6(host) || /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}$/.test(host);
}

function noAddress(text: string): RehomeError {
  return new RehomeError("usage", `"${text}" is no address of a machine`, {
    remedy: "write user@host or user@host:port, and an IPv6 address in brackets, such as root@[2001:db8::1]:22",
  });
}
