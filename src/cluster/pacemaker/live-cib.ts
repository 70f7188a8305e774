import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import { writeXml, type XmlElement } from "../../lib/xml.js";
import { parseCib } from "../cib/check.js";
import type { Edit } from "../cib/tree.js";

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
 * Changes the CIB of a running cluster with Pacemaker's own tools. Only what differs is sent (crm_diff), so that what
 * others change meanwhile stays; then it is read again, and what is still missing tried once more.
 * @returns whether anything had to be changed
 * @throws RehomeError command-failed with what cibadmin said, runtime-unreachable
 */
export async function changeLiveCib(host: Host, edit: Edit): Promise<boolean> {
  for (let count = 0; ; count += 1) {
    const before = await readLiveCib(host);
    if (before === undefined) {
      throw new RehomeError("runtime-unreachable", "Pacemaker does not answer", {
        machine: host.name,
        remedy: "see systemctl status pacemaker there",
      });
    }
    const after = edit(before);
    if (after === before) return count > 0;
    if (count === TRIES) {
      throw new RehomeError("command-failed", "the CIB does not stay as it was set", {
        machine: host.name,
        remedy:
          "somebody else changes the same: see who does, with the attributes update-client and update-user of the CIB",
      });
    }
    await patch(host, before, after);
  }
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
