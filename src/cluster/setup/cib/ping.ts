import { element, type XmlElement } from "../../../lib/xml.js";
import { operations, pairSet } from "../../cib/make.js";

/** The node attribute with what a node reaches: a thousand for each gateway. */
export const PING_ATTRIBUTE = "pingd";

/** A clone that pings the gateways from every member, and keeps what it found in an attribute of the node. */
export function pingClone(gateways: readonly string[]): XmlElement {
  return element("clone", { id: "cl-ping" }, [
    pairSet("meta_attributes", "cl-ping-meta", { interleave: "true" }),
    element("primitive", { id: "ping", class: "ocf", provider: "pacemaker", type: "ping" }, [
      pairSet("instance_attributes", "ping-ia", {
        host_list: gateways.join(" "),
        name: PING_ATTRIBUTE,
        multiplier: "1000",
        dampen: "20s",
        attempts: "3",
        timeout: "2",
      }),
      operations("ping", [
        { name: "monitor", interval: "10s", timeout: "60s" },
        { name: "start", timeout: "60s" },
        { name: "stop", timeout: "20s" },
      ]),
    ]),
  ]);
}
