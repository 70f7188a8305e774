import { childOf, childrenOf, parseXml, type XmlElement } from "../../../lib/xml.js";

/** What an agent says of itself, as far as it decides what a changed parameter means. */
export interface AgentMetadata {
  /** The action that makes changed parameters effective while the resource goes on; undefined when there is none. */
  readonly reload: "reload-agent" | "reload" | undefined;
  /** Parameters whose change calls for a restart all the same. */
  readonly restartParameters: readonly string[];
  /** Parameters whose value is nobody else's business. */
  readonly privateParameters: readonly string[];
}

/** Of an agent that says nothing: any change is a restart. */
export const NO_METADATA: AgentMetadata = { reload: undefined, restartParameters: [], privateParameters: [] };

/** Parameters that Pacemaker takes for private, whatever the agent says (as seen in the histories it writes). */
const PRIVATE = ["passwd", "password", "user"];

/**
 * Reads what an agent's `meta-data` action prints. From OCF 1.1 on, `reload-agent` takes over what is `reloadable`;
 * before, agents that have a `reload` did so for what is not `unique` ("Pacemaker Explained", "Reloading an Agent After
 * a Definition Change").
 * @param agent its name, for errors
 * @throws RehomeError xml-malformed
 */
export function parseMetadata(text: string, agent: string): AgentMetadata {
  // Agents name a document type that is nowhere to be found; nothing of it is needed.
  const xml = parseXml(text.replace(/<!DOCTYPE[^>[]*>/, ""), `the metadata of ${agent}`);
  const parameters = childrenOf(childOf(xml, "parameters") ?? xml, "parameter");
  const actions = childrenOf(childOf(xml, "actions") ?? xml, "action").map((action) => action.attributes["name"]);
  const names = (chosen: readonly XmlElement[]): string[] => chosen.map((at) => at.attributes["name"] ?? "");
  const privateParameters = names(parameters).filter((name) => PRIVATE.includes(name));
  if (actions.includes("reload-agent")) {
    const fixed = parameters.filter((parameter) => !isTrue(parameter.attributes["reloadable"]));
    return fixed.length === parameters.length
      ? { ...NO_METADATA, privateParameters }
      : { reload: "reload-agent", restartParameters: names(fixed), privateParameters };
  }
  if (!actions.includes("reload") || followsOcf11(xml)) return { ...NO_METADATA, privateParameters };
  const unique = parameters.filter((parameter) => isTrue(parameter.attributes["unique"]));
  return { reload: "reload", restartParameters: names(unique), privateParameters };
}

function followsOcf11(xml: XmlElement): boolean {
  const [major = 0, minor = 0] = (childOf(xml, "version")?.text ?? "").trim().split(".").map(Number);
  return major > 1 || (major === 1 && minor >= 1);
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(1|true|yes|on|y)$/i.test(value);
}
