/**
 * Addresses by NIC from `ifconfig -a`, both in the form of old net-tools and busybox (`inet addr:192.0.2.10 …
 * Mask:255.255.255.0`) and in the newer one (`inet 192.0.2.10  netmask 255.255.255.0`). IPv6: only those of global scope.
 */
export function parseIfconfig(lines: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  let nic = "";
  for (const line of lines) {
    const start = /^(\S+)/.exec(line)?.[1];
    if (start !== undefined) nic = start.replace(/:.*$/, ""); // eth0:1 is one more address of eth0
    const address = addressOf(line);
    if (address !== undefined && nic !== "lo") found.set(nic, [...(found.get(nic) ?? []), address]);
  }
  return found;
}

function addressOf(line: string): string | undefined {
  const four = /\binet (?:addr:)?(\d+(?:\.\d+){3})\b.*?(?:Mask:|netmask )(\d+(?:\.\d+){3})/.exec(line);
  if (four?.[1] !== undefined && four[2] !== undefined) return `${four[1]}/${prefixLength(four[2])}`;
  const oldSix = /\binet6 addr:\s*(\S+\/\d+)\s+Scope:Global/.exec(line);
  if (oldSix?.[1] !== undefined) return oldSix[1];
  const six = /\binet6 (\S+)\s+prefixlen (\d+)\s+scopeid 0x0<global>/.exec(line);
  return six?.[1] === undefined ? undefined : `${six[1]}/${six[2] ?? "128"}`;
}

function prefixLength(mask: string): number {
  return mask.split(".").reduce((bits, part) => bits + Number(part).toString(2).replaceAll("0", "").length, 0);
}
