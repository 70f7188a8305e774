import { childrenOf, type XmlElement } from "../../../lib/xml.js";
import type { ClusterState } from "../model.js";
import { parseRole } from "../roles.js";

/** The resource's element with its template's contents: operations of its own replace the template's of that name and role. */
export function expandTemplate(state: ClusterState, xml: XmlElement): { xml: XmlElement; templateId?: string } {
  const templateId = xml.attributes["template"];
  if (templateId === undefined) return { xml };
  const template = state.cib.byId(templateId);
  if (template?.name !== "template") return { xml };
  const own = childrenOf(xml, "operations").flatMap((each) => each.children);
  const ownKeys = new Set(own.map(operationName));
  const operations = childrenOf(template, "operations")
    .flatMap((each) => each.children)
    .filter((each) => !ownKeys.has(operationName(each)));
  const children = [...template.children, ...xml.children].filter((child) => child.name !== "operations");
  const attributes = { ...template.attributes, ...xml.attributes };
  const merged: XmlElement = {
    ...xml,
    name: "operations",
    attributes: {},
    children: [...own, ...operations],
    text: "",
  };
  return { xml: { ...xml, attributes, children: [...children, merged] }, templateId };
}

function operationName({ attributes }: XmlElement): string {
  return `${attributes["name"] ?? ""} ${parseRole(attributes["role"]) ?? "Started"}`;
}
