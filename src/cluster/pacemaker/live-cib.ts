import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import { childOf, writeXml, type XmlElement } from "../../lib/xml.js";
import { parseCib } from "../cib/check.js";
import { withStatusOf } from "../cib/edit.js";
import { sameElement } from "../cib/make.js";
import { withAttributes, type Edit } from "../cib/tree.js";
import type { Updated } from "../types.js";

const LIMIT = { timeoutMs: 30_000 };
/** Two of Pacemaker's programs, one after the other. */
const PATCH_LIMIT = { timeoutMs: 60_000 };
const TRIES = 5;

/**
 * The CIB of a running cluster, as one of its members has it; undefined where Pacemaker does not answer.
 * @throws RehomeError cib-invalid, cib-unsupported, xml-malformed, connection-lost
 */
export async function readLiveCib(host: Host): Promise<XmlElement | undefined> {
  const result = await host.run(["cibadmin", "--query"], LIMIT);
  return result.exitCode === 0 ? parseCib(result.stdout, `CIB of ${host.name}`) : undefined;
}

/**
 * Changes the configuration of a running cluster with Pacemaker's own tools. Only what differs is sent (crm_diff), so
 * that what others change meanwhile stays; then it is read again, and what is still missing tried once more. The status
 * section belongs to the controllers: what an edit does to it is left out.
 * @throws RehomeError command-failed with what cibadmin said, runtime-unreachable
 */
export async function updateLiveCib(host: Host, edit: Edit): Promise<Updated> {
  for (let count = 0; ; count += 1) {
    const before = await readLiveCib(host);
    if (before === undefined) {
      throw new RehomeError("runtime-unreachable", "Pacemaker does not answer", {
        machine: host.name,
        remedy: "see systemctl status pacemaker there",
      });
    }
    const after = edit(before);
    if (after === before || sameConfiguration(before, after)) return { cib: before, changed: count > 0 };
    if (count === TRIES) {
      throw new RehomeError("command-failed", "the CIB does not stay as it was set", {
        machine: host.name,
        remedy:
          "somebody else changes the same: see who does, with the attributes update-client and update-user of the CIB",
      });
    }
    await patch(host, before, asSeenHere(after, before));
  }
}

/** An edited CIB with what belongs to the cluster's daemons as it is: its version, quorum, and the status section. */
function asSeenHere(edited: XmlElement, live: XmlElement): XmlElement {
  const { "validate-with": schema } = edited.attributes;
  return withAttributes({ ...withStatusOf(edited, live), attributes: live.attributes }, { "validate-with": schema });
}

/** As `updateLiveCib`. @returns whether anything had to be changed */
export async function changeLiveCib(host: Host, edit: Edit): Promise<boolean> {
  return (await updateLiveCib(host, edit)).changed;
}

/** Whether the part of a cluster that a member belongs to may act. */
export function hasQuorum(cib: XmlElement): boolean {
  return cib.attributes["have-quorum"] === "1";
}

function sameConfiguration(a: XmlElement, b: XmlElement): boolean {
  const [one, other] = [childOf(a, "configuration"), childOf(b, "configuration")];
  return one !== undefined && other !== undefined && sameElement(one, other);
}

/** $1 and $2: bytes of the CIB as it was, and of the one that is wanted, which come one after the other as input. */
const PATCH = `set -e
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"
head -c "$1" > old.xml
cat > new.xml
[ "$(($(wc -c < new.xml)))" -eq "$2" ] || { echo "only part of the CIB arrived" >&2; exit 1; }
crm_diff --no-version --original old.xml --new new.xml > patch.xml || [ $? -eq 1 ]
cibadmin --patch --xml-file patch.xml`;

/** In one go: each program that is run on a host takes as long as the network does. @throws RehomeError command-failed */
async function patch(host: Host, before: XmlElement, after: XmlElement): Promise<void> {
  const [old, next] = [Buffer.from(writeXml(before)), Buffer.from(writeXml(after))];
  const argv = ["sh", "-c", PATCH, "sh", `${old.length}`, `${next.length}`];
  const { exitCode, stderr } = await host.run(argv, { ...PATCH_LIMIT, input: Buffer.concat([old, next]) });
  if (exitCode === 0) return;
  throw new RehomeError("command-failed", `the change of the CIB was not taken (exit code ${exitCode})`, {
    machine: host.name,
    output: stderr.trim(),
  });
}

/** The part of the cluster that a member sees may not act. */
export function noQuorum(machine: string): RehomeError {
  return new RehomeError("no-quorum", "this part of the cluster has no quorum: it starts and stops nothing", {
    machine,
    remedy: "bring back a host or the tie-breaker first: rehome cluster status tells who is missing",
  });
}
