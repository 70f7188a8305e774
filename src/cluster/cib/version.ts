import { childOf, type XmlElement } from "../../lib/xml.js";
import { withAttributes } from "./tree.js";

/** Who changed a CIB, as Pacemaker records it in its attributes. */
export interface Change {
  /** ms since the epoch. */
  readonly at: number;
  /** The node and the program. */
  readonly origin: string;
  readonly client: string;
}

/** `admin_epoch.epoch.num_updates` */
export function versionOf({ attributes }: XmlElement): string {
  const { admin_epoch: admin = "0", epoch = "0", num_updates: updates = "0" } = attributes;
  return `${admin}.${epoch}.${updates}`;
}

/**
 * A changed CIB with its version moved on as Pacemaker does it: a change of the configuration is a new epoch, one of
 * the status alone a new num_updates. The same CIB when nothing changed.
 */
export function withNextVersion(before: XmlElement, after: XmlElement, change: Change): XmlElement {
  if (before === after) return before;
  const number = (name: string): number => Number.parseInt(before.attributes[name] ?? "0", 10) || 0;
  const sameConfiguration = childOf(before, "configuration") === childOf(after, "configuration");
  if (sameConfiguration && before.attributes === after.attributes) {
    return withAttributes(after, { num_updates: `${number("num_updates") + 1}` });
  }
  return withAttributes(after, {
    epoch: `${Math.max(number("epoch"), Number.parseInt(after.attributes["epoch"] ?? "0", 10) || 0) + 1}`,
    num_updates: "0",
    "cib-last-written": cibTime(change.at),
    "update-origin": change.origin,
    "update-client": change.client,
    "update-user": "root",
  });
}

/** As ctime(3) writes a time, in UTC: `Sun Nov 22 18:13:00 2026`. */
function cibTime(at: number): string {
  const [day, date, month, year, time] = new Date(at).toUTCString().replace(",", "").split(" ");
  return `${day ?? ""} ${month ?? ""} ${date?.replace(/^0/, " ") ?? ""} ${time ?? ""} ${year ?? ""}`;
}
