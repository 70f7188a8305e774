import { element, type XmlElement } from "../../../../src/lib/xml.js";
import { nodeName, primitiveNames } from "./cib.js";
import type { Event, Shape } from "./shape.js";

/** What happens once the cluster runs: changes of the CIB, and what crm_simulate is told to inject. */
export function happen(
  cib: XmlElement,
  shape: Shape,
): { readonly cib: XmlElement; readonly injected: readonly string[] } {
  const names = primitiveNames(shape);
  let changed = cib;
  const injected: string[] = [];
  shape.events.forEach((event, index) => {
    const resource = "resource" in event ? (names[event.resource % names.length] ?? "guest1") : "";
    const node = "node" in event ? nodeName(shape, event.node) : "";
    const flag = injection(event, resource, node);
    if (flag === undefined) changed = change(changed, event, { resource, node, id: `event${String(index)}` });
    else if (!injected.some((each) => each === flag[1])) injected.push(...flag);
  });
  return { cib: changed, injected };
}

const FLAGS: Readonly<Record<string, string>> = { down: "-d", fail: "-f", up: "-u" };

function injection(event: Event, resource: string, node: string): readonly [string, string] | undefined {
  if (event.kind === "monitor") return ["-i", `${resource}_monitor_30000@${node}=${String(event.rc)}`];
  const flag = FLAGS[event.kind];
  return flag === undefined ? undefined : [flag, node];
}

interface Target {
  readonly resource: string;
  readonly node: string;
  readonly id: string;
}

function change(cib: XmlElement, event: Event, { resource, node, id }: Target): XmlElement {
  const set = (name: string, key: string, value: string): XmlElement =>
    element(name, { id }, [element("nvpair", { id: `${id}-pair`, name: key, value })]);
  switch (event.kind) {
    case "standby":
    case "maintenance":
      return edit(cib, "node", "uname", node, (each) => add(each, set("instance_attributes", event.kind, "true")));
    case "target-role":
      return edit(cib, "primitive", "id", resource, (each) =>
        prepend(each, set("meta_attributes", "target-role", event.role)),
      );
    case "unmanage":
      return edit(cib, "primitive", "id", resource, (each) =>
        prepend(each, set("meta_attributes", "is-managed", "false")),
      );
    case "parameter":
      return edit(cib, "primitive", "id", resource, (each) => prepend(each, set("instance_attributes", "extra", "1")));
    case "failcount":
      return edit(cib, "node_state", "uname", node, (state) => ({
        ...state,
        children: state.children.map((part) =>
          part.name === "transient_attributes"
            ? add(part, set("instance_attributes", `fail-count-${resource}#monitor_30000`, String(event.count)))
            : part,
        ),
      }));
    case "ban":
    case "prefer": {
      const score = event.kind === "ban" ? "-INFINITY" : "INFINITY";
      const rsc = /^member/.test(resource) ? "group" : resource;
      return edit(cib, "constraints", "", "", (each) => add(each, element("rsc_location", { id, rsc, node, score })));
    }
    default:
      return cib;
  }
}

function add(parent: XmlElement, child: XmlElement): XmlElement {
  return { ...parent, children: [...parent.children, child] };
}

function prepend(parent: XmlElement, child: XmlElement): XmlElement {
  return { ...parent, children: [child, ...parent.children] };
}

/** Changes every element of that name whose attribute has that value (any, without an attribute's name). */
function edit(
  root: XmlElement,
  name: string,
  attribute: string,
  value: string,
  by: (found: XmlElement) => XmlElement,
): XmlElement {
  if (root.name === name && (attribute === "" || root.attributes[attribute] === value)) return by(root);
  return { ...root, children: root.children.map((child) => edit(child, name, attribute, value, by)) };
}
