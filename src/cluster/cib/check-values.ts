import { childOf, descendantsOf, type XmlElement } from "../../lib/xml.js";
import type { CibProblem } from "./check.js";

/** Values that Pacemaker's schema does not allow: the scheduler ignores them, which is rarely what was meant. */
export function checkValues(cib: XmlElement, configuration: XmlElement): readonly CibProblem[] {
  return [
    ...checkSchemaName(cib),
    ...checkMembers(configuration),
    ...checkTemplates(configuration),
    ...checkEach(configuration),
  ];
}

function problem(at: XmlElement, message: string, severity: CibProblem["severity"] = "warning"): CibProblem {
  return { severity, line: at.line, message };
}

function checkSchemaName(cib: XmlElement): CibProblem[] {
  const name = cib.attributes["validate-with"];
  if (name === undefined || /^(none|pacemaker-(\d+\.\d+|next))$/.test(name)) return [];
  return [problem(cib, `validate-with="${name}" is no schema of Pacemaker, such as pacemaker-3.9`)];
}

const MEMBERS: Readonly<Record<string, readonly string[]>> = {
  group: ["primitive"],
  clone: ["primitive", "group"],
  master: ["primitive", "group"],
};

/** An error, as Pacemaker refuses it too: there is nothing to decide about. */
function checkMembers(configuration: XmlElement): CibProblem[] {
  const resources = childOf(configuration, "resources");
  if (resources === undefined) return [];
  return Object.entries(MEMBERS).flatMap(([kind, members]) =>
    descendantsOf(resources, kind)
      .filter((at) => !at.children.some((child) => members.includes(child.name)))
      .map((at) => problem(at, `${kind} "${at.attributes["id"] ?? ""}" has no ${members.join(" or ")} in it`, "error")),
  );
}

function checkTemplates(configuration: XmlElement): CibProblem[] {
  const known = new Set(descendantsOf(configuration, "template").map((at) => at.attributes["id"]));
  return descendantsOf(configuration, "primitive").flatMap((at) => {
    const { id = "", template } = at.attributes;
    return template === undefined || known.has(template)
      ? []
      : [problem(at, `resource "${id}" is made from the template "${template}", which there is not`)];
  });
}

/** "Pacemaker Explained", resource operations. */
const ON_FAIL = ["ignore", "block", "stop", "restart", "fence", "standby", "demote", "restart-container"];
/** The same document, resource meta-attributes, with the names that the promoted roles had before 2.1. */
const TARGET_ROLES = ["#default", "started", "stopped", "promoted", "unpromoted", "master", "slave"];

function checkEach(at: XmlElement): CibProblem[] {
  const { name, value, score } = at.attributes;
  const onFail = at.name === "op" ? at.attributes["on-fail"] : name === "on-fail" ? value : undefined;
  const role = at.name === "nvpair" && name === "target-role" ? value : undefined;
  return [
    ...(score === undefined || /^[+-]?(\d+|infinity)$/i.test(score)
      ? []
      : [problem(at, `score="${score}" is neither a number nor INFINITY`)]),
    ...(onFail === undefined || ON_FAIL.includes(onFail.toLowerCase())
      ? []
      : [problem(at, `on-fail="${onFail}" is unknown; it may be ${ON_FAIL.join(", ")}`)]),
    ...(role === undefined || TARGET_ROLES.includes(role.toLowerCase())
      ? []
      : [problem(at, `target-role="${role}" is unknown; it may be Started, Stopped, Promoted, Unpromoted`)]),
    ...at.children.flatMap(checkEach),
  ];
}
