import type { XmlElement } from "../../lib/xml.js";
import { editOperations } from "../cib/record.js";
import { editAll, editChild, named, withAttributes } from "../cib/tree.js";

/** Times are recorded in seconds; a clock that is being adjusted may be this much behind what was recorded. */
const SLACK_S = 1;

/**
 * A CIB in which nothing happened later than now: failures and results that were recorded before the clock was set back
 * count as of now, so that they are forgotten in their time. The same CIB when there are none.
 * @param now ms since the epoch
 */
export function withoutFutureTimes(cib: XmlElement, now: number): XmlElement {
  const seconds = Math.floor(now / 1000);
  const isFuture = (time: string | undefined): boolean => time !== undefined && Number(time) > seconds + SLACK_S;
  const present = `${seconds}`;
  const operations = editOperations(cib, (entry) =>
    isFuture(entry.attributes["last-rc-change"]) ? withAttributes(entry, { "last-rc-change": present }) : entry,
  );
  return editChild(operations, named("status"), (status) =>
    editAll(status, (at) =>
      at.name === "nvpair" &&
      (at.attributes["name"] ?? "").startsWith("last-failure-") &&
      isFuture(at.attributes["value"])
        ? withAttributes(at, { value: present })
        : at,
    ),
  );
}
