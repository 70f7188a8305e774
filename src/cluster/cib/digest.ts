import { createHash } from "node:crypto";

/**
 * The digest Pacemaker records of an operation's parameters: md5 of a `parameters` element with sorted attributes.
 * What is not a parameter of the agent (CRM_meta_*, crm_feature_set) has to be left out by the caller.
 */
export function parameterDigest(parameters: Iterable<readonly [string, string]>): string {
  const sorted = [...parameters].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  const attributes = sorted.map(([name, value]) => ` ${name}="${escape(value)}"`).join("");
  return createHash("md5").update(` <parameters${attributes}/>\n`).digest("hex");
}

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "\t": "&#9;",
  "\n": "&#10;",
  "\r": "&#13;",
};

function escape(value: string): string {
  return value.replace(/[&<>"\t\n\r]/g, (character) => ENTITIES[character] ?? character);
}
