import { childOf, childrenOf, descendantsOf, parseXml, writeXml, type XmlElement } from "../../../lib/xml.js";
import { editResource, findResource } from "../../cib/edit.js";
import { editPath, findPath, pairValue, setPair, withChild, withoutChildren } from "../../cib/tree.js";
import { clusterNodes } from "../../control.js";
import { text, toolOptions } from "./options.js";
import { CRM_EXIT, printed, refused, type Tool } from "./types.js";

const NODE_OPTIONS = {
  name: { short: "n" },
  "cluster-id": { short: "i" },
  list: { short: "l" },
  partition: { short: "p" },
  quorum: { short: "q" },
  "name-for-id": { short: "N", value: true },
} as const;

/** crm_node(8): who this node is, and which there are. */
export const crmNode: Tool = async (request, context) => {
  const options = toolOptions(request.argv, NODE_OPTIONS);
  const nodes = clusterNodes(await context.store.read());
  const wanted = text(options, "name-for-id");
  if (wanted !== undefined) {
    const found = nodes.find((node) => node.id === wanted);
    return found === undefined ? refused(CRM_EXIT.noSuch, `no node with id ${wanted}`) : printed(`${found.name}\n`);
  }
  if (options["cluster-id"] === true) return printed(`${context.node.id}\n`);
  if (options["list"] === true) {
    const state = (name: string): string => (name === context.node.name ? "member" : "lost");
    return printed(nodes.map((node) => `${node.id} ${node.name} ${state(node.name)}\n`).join(""));
  }
  if (options["partition"] === true) return printed(`${context.node.name}\n`);
  if (options["quorum"] === true) return printed("1\n");
  return printed(`${context.node.name}\n`);
};

const ADMIN_OPTIONS = {
  status: { short: "S", optional: true },
  dc_lookup: { short: "D" },
  nodes: { short: "N" },
  timeout: { short: "t", value: true },
} as const;

/** crmadmin(8): the controller's state. */
export const crmadmin: Tool = (request, context) => {
  const options = toolOptions(request.argv, ADMIN_OPTIONS);
  const asked = text(options, "status");
  if (asked === undefined) return Promise.resolve(printed(`Designated Controller is: ${context.node.name}\n`));
  const name = asked === "" ? context.node.name : asked;
  if (name !== context.node.name) return Promise.resolve(refused(CRM_EXIT.noSuch, `${name} does not answer`));
  return Promise.resolve(printed(`Controller on ${name} in state S_IDLE: ok\n`));
};

const RESOURCE_OPTIONS = {
  resource: { short: "r", value: true },
  locate: { short: "W" },
  quiet: { short: "Q" },
  utilization: { short: "z" },
  meta: { short: "m" },
  "get-parameter": { short: "g", value: true },
  "set-parameter": { short: "p", value: true },
  "delete-parameter": { short: "d", value: true },
  "parameter-value": { short: "v", value: true },
} as const;

/** crm_resource(8): where a resource runs, and its parameters. */
export const crmResource: Tool = async (request, context) => {
  const options = toolOptions(request.argv, RESOURCE_OPTIONS);
  const id = (text(options, "resource") ?? "").replace(/:\d+$/, "");
  const cib = await context.store.read();
  const resource = findResource(cib, id);
  if (resource === undefined) return refused(CRM_EXIT.noSuch, `Resource '${id}' not found`);
  if (options["locate"] === true) {
    const places = activePlaces(cib, id);
    if (places.length === 0) return refused(CRM_EXIT.ok, `resource ${id} is NOT running`);
    return printed(
      places
        .map(({ node, promoted }) =>
          options["quiet"] === true
            ? `${node}\n`
            : `resource ${id} is running on: ${node} ${promoted ? "Promoted" : ""}\n`,
        )
        .join(""),
    );
  }
  const kind =
    options["utilization"] === true
      ? "utilization"
      : options["meta"] === true
        ? "meta_attributes"
        : "instance_attributes";
  const wanted = text(options, "get-parameter");
  if (wanted !== undefined) {
    const value = pairValue(resource, kind, wanted);
    return value === undefined
      ? refused(CRM_EXIT.noSuch, `Attribute '${wanted}' not found for '${id}'`)
      : printed(`${value}\n`);
  }
  const name = text(options, "set-parameter", "delete-parameter");
  if (name === undefined) return refused(CRM_EXIT.unsupported, "crm_resource: this call is not supported here");
  const value = text(options, "set-parameter") === undefined ? undefined : (text(options, "parameter-value") ?? "");
  await context.store.update((before) =>
    editResource(before, id, (at) => setPair(at, { kind, id: `${id}-${kind}` }, name, value)),
  );
  return printed("");
};

/** Where a resource's last operation left it active. */
function activePlaces(cib: XmlElement, id: string): readonly { node: string; promoted: boolean }[] {
  const states = findPath(cib, ["status"])?.children ?? [];
  return states.flatMap((state) => {
    const history = descendantsOf(state, "lrm_resource").find((at) => at.attributes["id"] === id);
    const last = childrenOf(history ?? state, "lrm_rsc_op").find((at) => at.attributes["id"] === `${id}_last_0`);
    const { operation, "rc-code": rc } = last?.attributes ?? {};
    const active =
      (operation === "monitor" || (operation !== "stop" && operation !== undefined)) && (rc === "0" || rc === "8");
    const promoted = rc === "8" || operation === "promote";
    return active ? [{ node: state.attributes["uname"] ?? "", promoted }] : [];
  });
}

const CIBADMIN_OPTIONS = {
  query: { short: "Q" },
  create: { short: "C" },
  delete: { short: "D" },
  local: { short: "l" },
  scope: { short: "o", value: true },
  obj_type: { value: true },
  "xml-text": { short: "X", value: true },
  xpath: { short: "A", value: true },
  "sync-call": { short: "s" },
  timeout: { short: "t", value: true },
} as const;

/** cibadmin(8): queries, and elements made and deleted in a section of the configuration. */
export const cibadmin: Tool = async (request, context) => {
  const options = toolOptions(request.argv, CIBADMIN_OPTIONS);
  const scope = text(options, "scope", "obj_type");
  const xml = text(options, "xml-text");
  const given = xml === undefined ? undefined : parseXml(xml, "--xml-text");
  if (options["create"] === true || options["delete"] === true) {
    if (given === undefined || scope === undefined) {
      return refused(CRM_EXIT.unsupported, "cibadmin: --create and --delete need --scope and --xml-text here");
    }
    const isIt = (at: XmlElement): boolean => at.name === given.name && at.attributes["id"] === given.attributes["id"];
    const known: XmlElement[] = [];
    await context.store.update((cib) =>
      editPath(cib, sectionPath(scope), (section) => {
        known.push(...section.children.filter(isIt));
        if (options["delete"] === true) return withoutChildren(section, isIt);
        return known.length > 0 ? section : withChild(section, given);
      }),
    );
    return options["create"] === true && known.length > 0 ? refused(76, "Call failed: File exists") : printed("");
  }
  const cib = await context.store.read();
  const path = text(options, "xpath");
  const found = path === undefined ? [findPath(cib, sectionPath(scope ?? "")) ?? cib] : select(cib, path);
  if (found === undefined)
    return refused(CRM_EXIT.unsupported, `cibadmin: the XPath "${path ?? ""}" is not supported here`);
  if (found.length === 0) return refused(CRM_EXIT.noSuch, "Call failed: No such device or address");
  return printed(found.map(writeXml).join(""));
};

function sectionPath(scope: string): readonly string[] {
  if (scope === "" || scope === "cib") return [];
  return scope === "status" || scope === "configuration" ? [scope] : ["configuration", scope];
}

/** `//name[@attribute="value"]` steps, as agents write them; undefined for any other XPath. */
function select(cib: XmlElement, xpath: string): readonly XmlElement[] | undefined {
  const steps = [...xpath.matchAll(/(\/\/?)([\w-]+)((?:\[@[\w-]+=(?:"[^"]*"|'[^']*')\])*)/g)];
  if (steps.map((step) => step[0]).join("") !== xpath) return undefined;
  let found: readonly XmlElement[] = [{ ...cib, name: "", children: [cib] }];
  for (const [, axis, name = "", conditions = ""] of steps) {
    const wanted = [...conditions.matchAll(/\[@([\w-]+)=["']([^"']*)["']\]/g)];
    found = found
      .flatMap((at) =>
        axis === "//" ? descendantsOf(at, name) : [childOf(at, name)].filter((child) => child !== undefined),
      )
      .filter((at) => wanted.every(([, attribute = "", value]) => at.attributes[attribute] === value));
  }
  return found;
}
