import { element, type XmlElement } from "../../../lib/xml.js";
import { FEATURE_SET, SCHEMA } from "../../cib/edit.js";

/** The CIB as Pacemaker makes it by itself when members meet for the first time. */
export function emptyCib(members: readonly string[]): XmlElement {
  return element(
    "cib",
    { "validate-with": SCHEMA, crm_feature_set: FEATURE_SET, epoch: "1", num_updates: "0", admin_epoch: "0" },
    [
      element("configuration", {}, [
        element("crm_config"),
        element(
          "nodes",
          {},
          members.map((uname, index) => element("node", { id: `${index + 1}`, uname })),
        ),
        element("resources"),
        element("constraints"),
      ]),
      element("status"),
    ],
  );
}
