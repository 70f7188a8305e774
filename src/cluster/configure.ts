import { unifiedDiff } from "../lib/diff.js";
import { RehomeError } from "../lib/errors.js";
import { childOf, element, writeXml, type XmlElement } from "../lib/xml.js";
import { checkCib } from "./cib/check.js";
import { RESOURCE_NAMES, withStatusOf } from "./cib/edit.js";
import { readCib } from "./cib/store.js";
import { findPath } from "./cib/tree.js";
import { clusterNodes } from "./control.js";
import type { Edit } from "./cib/tree.js";

/**
 * Reads a CIB that is to become the configuration. Stricter than the runtime: what would be ignored is refused too.
 * @throws RehomeError file-unreadable, xml-malformed, cib-invalid, cib-unsupported
 */
export async function readConfiguration(path: string): Promise<XmlElement> {
  const cib = await readCib(path);
  const [problem, ...others] = checkCib(cib);
  if (problem === undefined) return cib;
  throw new RehomeError("cib-invalid", problem.message, {
    path,
    line: problem.line,
    ...(others.length > 0 && { output: others.map(({ line, message }) => `line ${line}: ${message}`).join("\n") }),
    remedy: "correct it; the CIB in use stays as it is",
  });
}

/**
 * A real cluster's members are what they are: a CIB of others is not meant for it.
 * @throws RehomeError cib-invalid
 */
export function requireSameNodes(live: XmlElement, loaded: XmlElement, path: string): void {
  const [there, given] = [live, loaded].map((cib) =>
    clusterNodes(cib)
      .map(({ id, name }) => `${name} (${id})`)
      .sort(),
  );
  if (there?.join() === given?.join()) return;
  throw new RehomeError(
    "cib-invalid",
    `its nodes are ${given?.join(", ") || "none"}, the cluster's ${there?.join(", ") ?? ""}`,
    {
      path,
      remedy: "begin with rehome cluster configure show; rehome cluster graduate brings what a bundled runtime keeps",
    },
  );
}

/** A loaded CIB's configuration in place of the present one; the status stays. */
export function replaceConfiguration(loaded: XmlElement): Edit {
  return (cib) => (configurationText(loaded) === configurationText(cib) ? cib : withStatusOf(loaded, cib));
}

/** The configuration of a CIB as text, without versions and status. */
export function configurationText(cib: XmlElement): string {
  return writeXml(childOf(cib, "configuration") ?? element("configuration"));
}

/** Which resources a change brings and takes away. */
export function resourceChanges(
  before: XmlElement,
  after: XmlElement,
): { readonly added: readonly string[]; readonly removed: readonly string[] } {
  const [old, next] = [before, after].map((cib) => new Set(resourceIds(findPath(cib, ["configuration", "resources"]))));
  return {
    added: [...(next ?? [])].filter((id) => !old?.has(id)),
    removed: [...(old ?? [])].filter((id) => !next?.has(id)),
  };
}

function resourceIds(at: XmlElement | undefined): readonly string[] {
  return (at?.children ?? []).flatMap((child) => [
    ...(RESOURCE_NAMES.includes(child.name) ? [child.attributes["id"] ?? ""] : []),
    ...resourceIds(child),
  ]);
}

/** The difference between two configurations, as diff -u prints it; empty when there is none. */
export function configurationDiff(before: XmlElement, after: XmlElement, name: string): Promise<string> {
  return unifiedDiff(
    { label: "in use", text: configurationText(before) },
    { label: name, text: configurationText(after) },
  );
}
