import { childOf, childrenOf, element, type XmlElement } from "../../lib/xml.js";
import type { Cib } from "./types.js";

const NOTHING = element("none");

/** The sections of a CIB. Missing sections are empty; whether the CIB is sound is `validate`'s question. */
export function readCib(root: XmlElement): Cib {
  const configuration = childOf(root, "configuration") ?? NOTHING;
  const section = (name: string): XmlElement => childOf(configuration, name) ?? NOTHING;
  const quorum = root.attributes["have-quorum"];
  return {
    root,
    haveQuorum: quorum === undefined ? undefined : isTrue(quorum),
    quorumPanic: isTrue(root.attributes["no-quorum-panic"]),
    dcId: root.attributes["dc-uuid"],
    configuration,
    crmConfig: section("crm_config"),
    nodes: childrenOf(section("nodes"), "node"),
    resources: section("resources").children,
    constraints: section("constraints").children,
    tags: childrenOf(section("tags"), "tag"),
    rscDefaults: section("rsc_defaults"),
    opDefaults: section("op_defaults"),
    status: childOf(root, "status")?.children ?? [],
    byId: idIndex(configuration),
  };
}

/** Pacemaker's notion of a true value. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(true|on|yes|y|1)$/i.test(value);
}

/** Pacemaker's notion of a false value. */
export function isFalse(value: string | undefined): boolean {
  return value !== undefined && /^(false|off|no|n|0)$/i.test(value);
}

function idIndex(root: XmlElement): (id: string) => XmlElement | undefined {
  let index: Map<string, XmlElement> | undefined;
  const build = (): Map<string, XmlElement> => {
    const made = new Map<string, XmlElement>();
    const walk = (at: XmlElement): void => {
      const id = at.attributes["id"];
      if (id !== undefined && !made.has(id)) made.set(id, at);
      at.children.forEach(walk);
    };
    walk(root);
    return made;
  };
  return (id) => (index ??= build()).get(id);
}
