import type { XmlElement } from "../../lib/xml.js";
import type { HistoryEntry } from "./types.js";

/** Reads one `lrm_rsc_op`; undefined when it has no id or no operation. */
export function readHistoryEntry(xml: XmlElement): HistoryEntry | undefined {
  const { id, operation: task } = xml.attributes;
  if (id === undefined || task === undefined) return undefined;
  const transitionKey = xml.attributes["transition-key"];
  const target = parseTransitionKey(transitionKey);
  const change = xml.attributes["last-rc-change"];
  return {
    id,
    key: xml.attributes["operation_key"] ?? id,
    task,
    intervalMs: integer(xml.attributes["interval"], 0),
    callId: integer(xml.attributes["call-id"], 0),
    status: integer(xml.attributes["op-status"], -1),
    rc: integer(xml.attributes["rc-code"], 0),
    targetRc: target?.targetRc ?? -1,
    transitionKey,
    transitionId: target?.transition ?? -1,
    transitionUuid: target?.uuid ?? "",
    lastChange: change === undefined ? undefined : integer(change, 0),
    migrateSource: xml.attributes["migrate_source"],
    migrateTarget: xml.attributes["migrate_target"],
    exitReason: xml.attributes["exit-reason"],
    xml,
  };
}

/** `ACTION:TRANSITION:TARGET_RC:UUID` */
function parseTransitionKey(
  key: string | undefined,
): { transition: number; targetRc: number; uuid: string } | undefined {
  const match = /^(\d+):(-?\d+):(-?\d+):(.+)$/.exec(key ?? "");
  if (match === null) return undefined;
  return { transition: Number(match[2]), targetRc: Number(match[3]), uuid: match[4] ?? "" };
}

function integer(text: string | undefined, fallback: number): number {
  const value = Number.parseInt(text ?? "", 10);
  return Number.isNaN(value) ? fallback : value;
}
