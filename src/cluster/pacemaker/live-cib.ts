import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import { childOf, writeXml, type XmlElement } from "../../lib/xml.js";
import { parseCib } from "../cib/check.js";
import { withStatusOf } from "../cib/edit.js";
import { sameElement } from "../cib/make.js";
import { withAttributes, type Edit } from "../cib/tree.js";
import type { Updated } from "../types.js";

const LIMIT = { timeoutMs: 30_000 };
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

/** @throws RehomeError command-failed */
async function patch(host: Host, before: XmlElement, after: XmlElement): Promise<void> {
  const folder = (await runChecked(host, ["mktemp", "-d"], LIMIT)).trim();
  try {
    const [old, next, difference] = [`${folder}/old.xml`, `${folder}/new.xml`, `${folder}/patch.xml`];
    await host.writeFile(old, writeXml(before), 0o600);
    await host.writeFile(next, writeXml(after), 0o600);
    const made = await host.run(["crm_diff", "--no-version", "--original", old, "--new", next], LIMIT);
    if (made.exitCode > 1 || made.stdout === "") {
      throw new RehomeError("command-failed", `crm_diff ended with exit code ${made.exitCode}`, {
        machine: host.name,
        output: made.stderr.trim(),
      });
    }
    await host.writeFile(difference, made.stdout, 0o600);
    await runChecked(host, ["cibadmin", "--patch", "--xml-file", difference], LIMIT);
  } finally {
    await host.run(["rm", "-rf", "--", folder], LIMIT);
  }
}

/** The part of the cluster that a member sees may not act. */
export function noQuorum(machine: string): RehomeError {
  return new RehomeError("no-quorum", "this part of the cluster has no quorum: it starts and stops nothing", {
    machine,
    remedy: "bring back a host or the tie-breaker first: rehome cluster status tells who is missing",
  });
}
