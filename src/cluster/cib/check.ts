import { RehomeError } from "../../lib/errors.js";
import { childOf, parseXml, type XmlElement } from "../../lib/xml.js";
import { isNewer } from "./versions.js";
import { checkValues } from "./check-values.js";
import { FEATURE_SET, RESOURCE_NAMES, SCHEMA } from "./edit.js";

/** Something wrong with a CIB. */
export interface CibProblem {
  /** An error makes the CIB unusable; what a warning is about is ignored by the scheduler, as Pacemaker ignores it. */
  readonly severity: "error" | "warning";
  /** 1-based; 0 for an element that was made, not read. */
  readonly line: number;
  readonly message: string;
}

/**
 * Reads a CIB strictly and refuses one that has errors.
 * @param path names the CIB in errors
 * @throws RehomeError xml-malformed, cib-invalid or cib-unsupported, with the line
 */
export function parseCib(text: string, path: string): XmlElement {
  const cib = parseXml(text, path);
  requireSound(cib, path);
  return cib;
}

/** @throws RehomeError cib-invalid or cib-unsupported, with the line of the first error */
export function requireSound(cib: XmlElement, path: string): void {
  const version = newerThanUnderstood(cib);
  if (version !== undefined) {
    throw new RehomeError("cib-unsupported", version, {
      path,
      line: cib.line,
      remedy: `rehome understands feature set ${FEATURE_SET} and schema ${SCHEMA}: use a CIB written for these`,
    });
  }
  const errors = checkCib(cib).filter((problem) => problem.severity === "error");
  const [first] = errors;
  if (first === undefined) return;
  const others = errors.slice(1).map((problem) => `line ${problem.line}: ${problem.message}`);
  throw new RehomeError("cib-invalid", first.message, {
    path,
    line: first.line,
    ...(others.length > 0 && { output: others.slice(0, 20).join("\n") }),
    remedy: "correct it; the CIB in use stays as it is",
  });
}

function newerThanUnderstood(cib: XmlElement): string | undefined {
  const featureSet = cib.attributes["crm_feature_set"];
  if (featureSet !== undefined && isNewer(featureSet, FEATURE_SET)) {
    return `the CIB has feature set ${featureSet}, newer than ${FEATURE_SET}`;
  }
  const schema = /^pacemaker-(\d+\.\d+)$/.exec(cib.attributes["validate-with"] ?? "")?.[1];
  if (schema !== undefined && isNewer(schema, SCHEMA.replace("pacemaker-", ""))) {
    return `the CIB has schema pacemaker-${schema}, newer than ${SCHEMA}`;
  }
  return undefined;
}

/** All that is wrong with a CIB, in document order within each kind of check. */
export function checkCib(cib: XmlElement): readonly CibProblem[] {
  if (cib.name !== "cib") return [problem(cib, `the document is a <${cib.name}>, not a <cib>`)];
  const configuration = childOf(cib, "configuration");
  if (configuration === undefined) return [problem(cib, "the CIB has no <configuration>")];
  return [
    ...checkVersion(cib),
    ...SECTIONS.filter((name) => childOf(configuration, name) === undefined).map((name) =>
      problem(configuration, `the configuration has no <${name}>`),
    ),
    ...checkIds(configuration),
    ...checkNodes(configuration),
    ...checkResources(configuration),
    ...checkReferences(configuration),
    ...checkValues(cib, configuration),
  ];
}

const SECTIONS = ["crm_config", "nodes", "resources", "constraints"];

function problem(at: XmlElement, message: string, severity: CibProblem["severity"] = "error"): CibProblem {
  return { severity, line: at.line, message };
}

function checkVersion(cib: XmlElement): CibProblem[] {
  return ["admin_epoch", "epoch", "num_updates"]
    .filter((name) => !/^\d+$/.test(cib.attributes[name] ?? "0"))
    .map((name) => problem(cib, `${name} is "${cib.attributes[name] ?? ""}", not a number`));
}

/** Elements whose `id` is a reference to another element's. */
const REFERENCES = ["resource_ref", "obj_ref", "role"];
const IDENTIFIED = ["nvpair", "primitive", "group", "clone", "master", "bundle", "op", "node", "meta_attributes"];

function checkIds(configuration: XmlElement): CibProblem[] {
  const seen = new Map<string, XmlElement>();
  return below(configuration).flatMap((at) => {
    if (REFERENCES.includes(at.name)) return [];
    const id = at.attributes["id"];
    if (id === undefined) {
      return IDENTIFIED.includes(at.name) && at.attributes["id-ref"] === undefined
        ? [problem(at, `<${at.name}> has no id`)]
        : [];
    }
    // Node ids are numbers or UUIDs, for which the schema makes an exception.
    if (at.name !== "node" && !/^[\p{L}_][\p{L}\p{N}\p{M}._·-]*$/u.test(id)) {
      return [problem(at, `"${id}" cannot be an id: letters, digits, '.', '-' and '_' only, a letter or '_' first`)];
    }
    // A guest or remote node has the name of the resource that it is.
    if (at.name === "node") return [];
    const other = seen.get(id);
    if (other !== undefined) return [problem(at, `the id "${id}" is used already in line ${other.line}`)];
    seen.set(id, at);
    return [];
  });
}

function checkNodes(configuration: XmlElement): CibProblem[] {
  const seen = new Set<string>();
  return (childOf(configuration, "nodes")?.children ?? []).flatMap((node) => {
    const uname = node.attributes["uname"];
    if (node.name !== "node") return [problem(node, `<${node.name}> among the nodes`)];
    if (uname === undefined || uname === "") return [problem(node, "a node has no uname")];
    if (seen.has(uname)) return [problem(node, `two nodes have the name "${uname}"`)];
    seen.add(uname);
    return [];
  });
}

const CLASSES = ["ocf", "lsb", "systemd", "service", "stonith", "upstart", "heartbeat", "nagios"];

function checkResources(configuration: XmlElement): CibProblem[] {
  const resources = childOf(configuration, "resources");
  const all = resources === undefined ? [] : below(resources);
  const unknown = (resources?.children ?? [])
    .filter((at) => !RESOURCE_NAMES.includes(at.name))
    .map((at) => problem(at, `<${at.name}> is no kind of resource`));
  return [...unknown, ...all.flatMap(checkPrimitive), ...all.flatMap(checkOperation)];
}

function checkPrimitive(at: XmlElement): CibProblem[] {
  if (at.name !== "primitive" && at.name !== "template") return [];
  const { id, class: agentClass, provider, type, template } = at.attributes;
  if (template !== undefined) return [];
  if (agentClass === undefined || !CLASSES.includes(agentClass)) {
    return [problem(at, `resource "${id ?? ""}" has the class "${agentClass ?? ""}"; it may be ${CLASSES.join(", ")}`)];
  }
  if (type === undefined || type === "") return [problem(at, `resource "${id ?? ""}" has no type`)];
  if (agentClass === "ocf" && (provider === undefined || provider === "")) {
    return [problem(at, `resource "${id ?? ""}" of class ocf has no provider`)];
  }
  return [];
}

function checkOperation(at: XmlElement): CibProblem[] {
  if (at.name !== "op") return [];
  const missing = at.attributes["name"] === undefined ? [problem(at, "an operation has no name")] : [];
  const wrong = ["interval", "timeout", "start-delay"].flatMap((name) => {
    const value = at.attributes[name];
    return value === undefined || /^(\d+(\.\d+)?\s*(ms|msec|us|usec|s|sec|m|min|h|hr)?|P.+)$/i.test(value.trim())
      ? []
      : [problem(at, `${name}="${value}" of operation ${at.attributes["name"] ?? ""} is no time`, "warning")];
  });
  return [...missing, ...wrong];
}

const REFERRING = ["rsc", "with-rsc", "first", "then"];

/** Constraints on what is not there: the scheduler leaves them out, which is rarely what was meant. */
function checkReferences(configuration: XmlElement): CibProblem[] {
  const known = new Set(
    ["resources", "tags"].flatMap((name) => {
      const section = childOf(configuration, name);
      return section === undefined ? [] : below(section).map((at) => at.attributes["id"] ?? "");
    }),
  );
  const dangling = (at: XmlElement, id: string | undefined): CibProblem[] =>
    id === undefined || known.has(id.replace(/:\d+$/, ""))
      ? []
      : [problem(at, `the constraint names "${id}", which is no resource`, "warning")];
  return (childOf(configuration, "constraints")?.children ?? []).flatMap((constraint) => [
    ...REFERRING.flatMap((name) => dangling(constraint, constraint.attributes[name])),
    ...below(constraint)
      .filter((at) => at.name === "resource_ref")
      .flatMap((at) => dangling(at, at.attributes["id"])),
  ]);
}

function below(at: XmlElement): readonly XmlElement[] {
  return at.children.flatMap((child) => [child, ...below(child)]);
}
