import { parseDuration } from "../../cib/durations.js";
import { setNodeAttribute, setProperty } from "../../cib/edit.js";
import type { ClusterNode } from "../../cib/status.js";
import { findPath, named, pairValue } from "../../cib/tree.js";
import { clusterNodes } from "../../control.js";
import { text, toolOptions, type Options } from "./options.js";
import { CRM_EXIT, printed, refused, type Tool, type ToolAnswer, type ToolContext, type ToolRequest } from "./types.js";

const ATTRD_OPTIONS = {
  name: { short: "n", value: true },
  update: { short: "U", value: true },
  value: { short: "v", value: true },
  "update-both": { short: "B", value: true },
  "update-delay": { short: "Y" },
  delete: { short: "D" },
  query: { short: "Q" },
  delay: { short: "d", value: true },
  node: { short: "N", value: true },
  set: { short: "s", value: true },
  lifetime: { short: "l", value: true },
  private: { short: "p" },
  quiet: { short: "q" },
} as const;

/** attrd_updater(8): a node's transient attributes. */
export const attrdUpdater: Tool = async (request, context) => {
  const options = toolOptions(request.argv, ATTRD_OPTIONS);
  const name = text(options, "name");
  if (name === undefined) return refused(CRM_EXIT.usage, "attrd_updater: no attribute was named");
  const node = await nodeOf(options, request, context);
  const delay = parseDuration(text(options, "delay"));
  const value = text(options, "update", "value", "update-both");
  if (options["delete"] === true) {
    await context.attributes.set(node, name, undefined, delay);
    return printed("");
  }
  if (value !== undefined) {
    await context.attributes.set(node, name, await computed(value, node, name, context), delay);
    return printed("");
  }
  if (options["update-delay"] === true) return printed("");
  const current = await context.attributes.get(node, name);
  if (current === undefined) return refused(CRM_EXIT.noSuch, `Could not query value of ${name}: not set`);
  return printed(`name="${name}" host="${node.name}" value="${current}"\n`);
};

const ATTRIBUTE_OPTIONS = {
  name: { short: "n", value: true },
  "attr-name": { value: true },
  promotion: { short: "p", optional: true },
  update: { short: "v", value: true },
  "attr-value": { value: true },
  delete: { short: "D" },
  query: { short: "G" },
  lifetime: { short: "l", value: true },
  type: { short: "t", value: true },
  node: { short: "N", value: true },
  uname: { short: "U", value: true },
  default: { short: "d", value: true },
  quiet: { short: "q" },
  "legacy-quiet": { short: "Q" },
} as const;

/** crm_attribute(8): attributes of nodes, transient or for good, and properties of the cluster. */
export const crmAttribute: Tool = (request, context) =>
  attribute(toolOptions(request.argv, ATTRIBUTE_OPTIONS), request, context);

const MASTER_OPTIONS = { ...ATTRIBUTE_OPTIONS, resource: { short: "r", value: true } } as const;

/** crm_master(8): how much an instance of a resource wants to be promoted. */
export const crmMaster: Tool = (request, context) => {
  const options = toolOptions(request.argv, MASTER_OPTIONS);
  return attribute({ ...options, promotion: text(options, "resource") ?? "" }, request, context);
};

async function attribute(options: Options, request: ToolRequest, context: ToolContext): Promise<ToolAnswer> {
  const promotion = text(options, "promotion");
  const name = promotion === undefined ? text(options, "name", "attr-name") : promotionName(promotion, request);
  if (name === undefined) return refused(CRM_EXIT.usage, `${request.tool}: no attribute was named`);
  const type = text(options, "type") ?? (promotion === undefined ? "nodes" : "status");
  const lifetime = text(options, "lifetime") ?? (type === "status" ? "reboot" : "forever");
  const node = await nodeOf(options, request, context);
  const place =
    type === "crm_config"
      ? property(context)
      : lifetime === "reboot"
        ? transient(node, context)
        : permanent(node, context);
  const value = text(options, "update", "attr-value");
  if (options["delete"] === true) {
    await place.set(name, undefined);
    return printed("");
  }
  if (value !== undefined) {
    await place.set(name, await computed(value, node, name, context));
    return printed("");
  }
  const current = (await place.get(name)) ?? text(options, "default");
  if (current === undefined) {
    return refused(CRM_EXIT.noSuch, "Error performing operation: No such device or address");
  }
  const quiet = options["quiet"] === true || options["legacy-quiet"] === true;
  return printed(quiet ? `${current}\n` : `scope=${place.scope}  name=${name} value=${current}\n`);
}

interface Place {
  readonly scope: string;
  get(name: string): Promise<string | undefined>;
  set(name: string, value: string | undefined): Promise<unknown>;
}

function transient(node: ClusterNode, context: ToolContext): Place {
  return {
    scope: "status",
    get: (name) => context.attributes.get(node, name),
    set: (name, value) => context.attributes.set(node, name, value),
  };
}

function permanent(node: ClusterNode, context: ToolContext): Place {
  return {
    scope: "nodes",
    async get(name) {
      const nodes = findPath(await context.store.read(), ["configuration", "nodes"]);
      const found = nodes?.children.find(named("node", node.id));
      return found && pairValue(found, "instance_attributes", name);
    },
    set: (name, value) => context.store.update((cib) => setNodeAttribute(cib, node.name, name, value)),
  };
}

function property(context: ToolContext): Place {
  return {
    scope: "crm_config",
    async get(name) {
      const config = findPath(await context.store.read(), ["configuration", "crm_config"]);
      return config && pairValue(config, "cluster_property_set", name);
    },
    set: (name, value) => context.store.update((cib) => setProperty(cib, name, value)),
  };
}

/** `master-RSC`; instances of anonymous clones share the resource's. */
function promotionName(resource: string, request: ToolRequest): string | undefined {
  const id = resource === "" ? request.env["OCF_RESOURCE_INSTANCE"] : resource;
  return id === undefined ? undefined : `master-${id.replace(/:\d+$/, "")}`;
}

async function nodeOf(options: Options, request: ToolRequest, context: ToolContext): Promise<ClusterNode> {
  const wanted = text(options, "node", "uname") ?? request.env["OCF_RESKEY_CRM_meta_on_node"];
  if (wanted === undefined || wanted === context.node.name) return context.node;
  const nodes = clusterNodes(await context.store.read());
  const found = nodes.find((node) => node.name === wanted || node.id === wanted);
  if (found === undefined) throw new Error(`no node "${wanted}"`);
  return found;
}

/** `value++` and `value+=5` add to what is there. */
async function computed(value: string, node: ClusterNode, name: string, context: ToolContext): Promise<string> {
  const match = /^[^+]*(?:\+\+|\+=(-?\d+))$/.exec(value);
  if (match === null) return value;
  const current = Number.parseInt((await context.attributes.get(node, name)) ?? "0", 10) || 0;
  return `${current + (match[1] === undefined ? 1 : Number(match[1]))}`;
}
