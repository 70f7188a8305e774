import { RehomeError } from "../../lib/errors.js";
import { readFiles } from "../setup/examine.js";
import { isOurs } from "../setup/files/mark.js";
import { hostsOf } from "../setup/members.js";
import type { ClusterSession } from "../setup/session.js";
import { definitionPath, volumeOf } from "./resources.js";
import { sessionCluster } from "./session-cluster.js";
import type { GuestRequest } from "./types.js";

/**
 * A guest that is in the cluster, as it was registered: to be brought to a host that was away then.
 * @throws RehomeError resource-unknown, command-failed
 */
export async function registeredGuest(session: ClusterSession, name: string): Promise<GuestRequest> {
  const volume = volumeOf(await sessionCluster(session).read(), name);
  const path = definitionPath(name);
  for (const member of hostsOf(session.cluster)) {
    const host = session.connections.hosts.get(member.name);
    const text = host && (await readFiles(host, [path]))[0]?.toString("utf8");
    if (volume === undefined || text === undefined || !isOurs(text)) continue;
    return { name, xml: () => text, source: `${member.name}:${path}`, volume, start: false };
  }
  throw new RehomeError("resource-unknown", `no guest "${name}" that rehome registered is in the cluster`, {
    remedy: "name its domain XML with --domain; virsh dumpxml --inactive GUEST prints one",
  });
}
