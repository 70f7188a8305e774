import { parseXml, type XmlElement } from "../../../src/lib/xml.js";

const GIB = 1024 ** 3;
export const CAPACITIES = new Map([
  ["alpha", { cpus: 9, memory: 34 * GIB }],
  ["beta", { cpus: 5, memory: 18 * GIB }],
]);

/** As Pacemaker makes it by itself once the members know each other. */
export function bareCib(kind: "qdevice" | "member"): XmlElement {
  const names = kind === "member" ? ["alpha", "beta", "arb"] : ["alpha", "beta"];
  const nodes = names.map((name, index) => `<node id="${index + 1}" uname="${name}"/>`);
  const states = names.map(
    (name, index) =>
      `<node_state id="${index + 1}" uname="${name}" in_ccm="true" crmd="online" join="member" expected="member"/>`,
  );
  return parseXml(
    `<cib validate-with="pacemaker-3.9" crm_feature_set="3.16.1" epoch="5" num_updates="0" admin_epoch="0" have-quorum="1" dc-uuid="1">
      <configuration><crm_config><cluster_property_set id="cib-bootstrap-options">
        <nvpair id="cib-bootstrap-options-cluster-name" name="cluster-name" value="office"/>
      </cluster_property_set></crm_config><nodes>${nodes.join("")}</nodes><resources/><constraints/></configuration>
      <status>${states.join("")}</status></cib>`,
    "bare",
  );
}
