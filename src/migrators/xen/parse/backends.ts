/** A block device of a domain that its host has open for it. */
export interface OpenBackend {
  readonly domainId: number;
  /** In the domain: `xvda`. */
  readonly device: string;
  /** What it was given: `/dev/vg0/web1`, `aio:/srv/a.img`; with tapdisk, what that reads, not the device that it makes of it. */
  readonly params: string;
}

/**
 * The block backends in xenstore, by `xenstore-ls -f /local/domain/0/backend`: lines
 * `/local/domain/0/backend/vbd/ID/NUMBER/KEY = "VALUE"`. A path that is there is open, or about to be.
 */
export function parseBackends(output: string): readonly OpenBackend[] {
  const found = new Map<string, { domainId: number; device: string; params: string }>();
  for (const line of output.split("\n")) {
    const match =
      /^\/local\/domain\/\d+\/backend\/(?:vbd|tap|tap2|qdisk|vbd3)\/(\d+)\/(\d+)\/(\w[\w-]*) = "(.*)"$/.exec(line);
    if (match === null) continue;
    const [, id = "", number = "", key, value = ""] = match;
    const place = `${id}/${number}`;
    const backend = found.get(place) ?? { domainId: Number(id), device: number, params: "" };
    found.set(place, backend);
    if (key === "dev") backend.device = value;
    if (key === "params") backend.params ||= value;
    if (key === "tapdisk-params") backend.params = value;
  }
  return [...found.values()];
}
