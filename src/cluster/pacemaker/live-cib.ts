import { RehomeError } from "../../lib/errors.js";
import type { Host, RunResult } from "../../lib/host/types.js";
import { childOf, writeXml, type XmlElement } from "../../lib/xml.js";
import { parseCib } from "../cib/check.js";
import { withStatusOf } from "../cib/edit.js";
import { sameElement } from "../cib/make.js";
import { withAttributes, type Edit } from "../cib/tree.js";
import type { Updated } from "../types.js";

const LIMIT = { timeoutMs: 30_000 };
/** Three of Pacemaker's programs, one after the other. */
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
 * @param seen the CIB as it was a moment ago: it is not read first, and Pacemaker itself sees that it is still that one.
 *   When it is not, it is read after all
 * @throws RehomeError command-failed with what cibadmin said, runtime-unreachable
 */
export async function updateLiveCib(host: Host, edit: Edit, seen?: XmlElement): Promise<Updated> {
  const known = seen && (await changeSeen(host, edit, seen));
  let before = known?.cib ?? (await requireLiveCib(host));
  for (let count = 0; ; count += 1) {
    const after = edit(before);
    if (after === before || sameConfiguration(before, after)) {
      return { cib: before, changed: count > 0 || known?.changed === true };
    }
    if (count === TRIES) {
      throw new RehomeError("command-failed", "the CIB does not stay as it was set", {
        machine: host.name,
        remedy:
          "somebody else changes the same: see who does, with the attributes update-client and update-user of the CIB",
      });
    }
    const result = await patch(host, before, asSeenHere(after, before), ["--no-version"]);
    if (result.exitCode !== 0) {
      throw new RehomeError("command-failed", `the change of the CIB was not taken (exit code ${result.exitCode})`, {
        machine: host.name,
        output: result.stderr.trim(),
      });
    }
    before = await afterPatch(host, result);
  }
}

/** As `readLiveCib`. @throws RehomeError runtime-unreachable where Pacemaker does not answer */
export async function requireLiveCib(host: Host): Promise<XmlElement> {
  const cib = await readLiveCib(host);
  if (cib !== undefined) return cib;
  throw new RehomeError("runtime-unreachable", "Pacemaker does not answer", {
    machine: host.name,
    remedy: "see systemctl status pacemaker there",
  });
}

/**
 * One change of that very CIB, which Pacemaker compares by its version. Undefined when it was not taken, for whatever
 * reason: it is made once more on the CIB as it is then, and says what is wrong if it still is.
 */
async function changeSeen(host: Host, edit: Edit, seen: XmlElement): Promise<Updated | undefined> {
  const after = edit(seen);
  if (after === seen || sameConfiguration(seen, after)) return { cib: seen, changed: false };
  const epoch = Number.parseInt(seen.attributes["epoch"] ?? "0", 10);
  const next = withAttributes(asSeenHere(after, seen), { epoch: `${epoch + 1}`, num_updates: "0" });
  const result = await patch(host, seen, next, []);
  return result.exitCode === 0 ? { cib: await afterPatch(host, result), changed: true } : undefined;
}

/** An edited CIB with what belongs to the cluster's daemons as it is: its version, quorum, and the status section. */
function asSeenHere(edited: XmlElement, live: XmlElement): XmlElement {
  const { "validate-with": schema } = edited.attributes;
  return withAttributes({ ...withStatusOf(edited, live), attributes: live.attributes }, { "validate-with": schema });
}

/** As `updateLiveCib`. @returns whether anything had to be changed */
export async function changeLiveCib(host: Host, edit: Edit, seen?: XmlElement): Promise<boolean> {
  return (await updateLiveCib(host, edit, seen)).changed;
}

/** Whether the part of a cluster that a member belongs to may act. */
export function hasQuorum(cib: XmlElement): boolean {
  return cib.attributes["have-quorum"] === "1";
}

/** Whether two CIBs say the same, apart from versions and status. */
export function sameConfiguration(a: XmlElement, b: XmlElement): boolean {
  const [one, other] = [childOf(a, "configuration"), childOf(b, "configuration")];
  return one !== undefined && other !== undefined && sameElement(one, other);
}

/**
 * $1 and $2: bytes of the CIB as it was, and of the one that is wanted, which come one after the other as input; then
 * options of crm_diff. Prints the CIB afterwards.
 */
const PATCH = `set -e
folder=$(mktemp -d)
trap 'rm -rf -- "$folder"' EXIT
cd "$folder"
head -c "$1" > old.xml
cat > new.xml
[ "$(($(wc -c < new.xml)))" -eq "$2" ] || { echo "only part of the CIB arrived" >&2; exit 1; }
shift 2
crm_diff "$@" --original old.xml --new new.xml > patch.xml || [ $? -eq 1 ]
cibadmin --patch --xml-file patch.xml >&2
cibadmin --query || true`;

/** In one go: each program that is run on a host takes as long as the network does. */
function patch(host: Host, before: XmlElement, after: XmlElement, options: readonly string[]): Promise<RunResult> {
  const [old, next] = [Buffer.from(writeXml(before)), Buffer.from(writeXml(after))];
  const argv = ["sh", "-c", PATCH, "sh", `${old.length}`, `${next.length}`, ...options];
  return host.run(argv, { ...PATCH_LIMIT, input: Buffer.concat([old, next]) });
}

/** The CIB as it was right after a change that was taken. */
function afterPatch(host: Host, { stdout }: RunResult): Promise<XmlElement> | XmlElement {
  return stdout === "" ? requireLiveCib(host) : parseCib(stdout, `CIB of ${host.name}`);
}

/** The part of a cluster that a member sees may not act. */
export function noQuorum(machine: string): RehomeError {
  return new RehomeError("no-quorum", "this part of the cluster has no quorum: it starts and stops nothing", {
    machine,
    remedy: "bring back a host or the tie-breaker first: rehome cluster status tells who is missing",
  });
}
