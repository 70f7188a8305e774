import { RehomeError } from "../../lib/errors.js";
import type { XmlElement } from "../../lib/xml.js";
import type { Edit } from "../cib/tree.js";
import { parseDate } from "../scheduler/configuration/dates.js";
import { schedule } from "../scheduler/index.js";
import type { PlannedFailure } from "./carry-out.js";
import * as inject from "./injections.js";

/** What is to be supposed, as it is typed. */
export interface Suppositions {
  readonly nodeUp?: readonly string[] | undefined;
  readonly nodeDown?: readonly string[] | undefined;
  readonly nodeFail?: readonly string[] | undefined;
  readonly standby?: readonly string[] | undefined;
  readonly online?: readonly string[] | undefined;
  readonly maintenance?: readonly string[] | undefined;
  readonly start?: readonly string[] | undefined;
  readonly stop?: readonly string[] | undefined;
  readonly quorum?: boolean | undefined;
  /** `NODE:NAME=VALUE` */
  readonly set?: readonly string[] | undefined;
  /** `NODE_OR_RESOURCE:NAME=VALUE` */
  readonly utilization?: readonly string[] | undefined;
  /** `RESOURCE[@NODE]` */
  readonly fail?: readonly string[] | undefined;
  /** `RESOURCE_TASK_INTERVAL@NODE=RC`, as crm_simulate takes it. */
  readonly opInject?: readonly string[] | undefined;
}

/** Suppositions as edits, in the order in which they make sense: nodes, resources, attributes, failures. */
export function injectionsOf(suppositions: Suppositions, now: number): readonly Edit[] {
  const { quorum } = suppositions;
  const each = (values: readonly string[] | undefined, make: (value: string) => Edit): readonly Edit[] =>
    (values ?? []).map(make);
  return [
    ...each(suppositions.nodeUp, inject.nodeUp),
    ...each(suppositions.nodeDown, inject.nodeDown),
    ...each(suppositions.nodeFail, inject.nodeFail),
    ...each(suppositions.standby, inject.standby),
    ...each(suppositions.online, inject.online),
    ...each(suppositions.maintenance, inject.maintenance),
    ...each(suppositions.start, inject.start),
    ...each(suppositions.stop, inject.stop),
    ...(quorum === undefined ? [] : [inject.quorum(quorum)]),
    ...each(suppositions.set, (text) => {
      const { owner, name, value } = assignment(text, "--set", "NODE:NAME=VALUE");
      return inject.attribute(owner, name, value === "" ? undefined : value);
    }),
    ...each(suppositions.utilization, (text) => {
      const { owner, name, value } = assignment(text, "--utilization", "NAME:ATTRIBUTE=VALUE");
      return inject.utilization(owner, name, value);
    }),
    ...each(suppositions.fail, (text) => (cib) => failed(cib, text, now)),
    ...each(suppositions.opInject, (text) => {
      const { rc, ...operation } = parseOperation(text, "--op-inject");
      return inject.operationResult({ ...operation, rc }, now);
    }),
  ];
}

function assignment(text: string, flag: string, form: string): { owner: string; name: string; value: string } {
  const match = /^([^:=]+):([^=]+)=(.*)$/s.exec(text);
  if (match === null) throw new RehomeError("usage", `"${text}" is not ${form}`, { remedy: `write ${flag} ${form}` });
  const [, owner = "", name = "", value = ""] = match;
  return { owner, name, value };
}

const NOT_RUNNING = 7;

/** The monitor finds a resource not running, wherever it runs or on the node that was named. */
function failed(cib: XmlElement, text: string, now: number): XmlElement {
  const [resource = "", named] = text.split("@");
  const nodes = named === undefined ? nodesOf(cib, resource, now) : [named];
  if (nodes.length === 0) {
    inject.monitorInterval(cib, resource, ""); // an unknown name is the better answer
    throw new RehomeError("usage", `"${resource}" runs nowhere: it cannot fail`, {
      remedy: `name the node of a failed start: --op-inject ${resource}_start_0@NODE=1`,
    });
  }
  return nodes.reduce((at, node) => {
    const intervalMs = inject.monitorInterval(at, resource, node);
    return inject.operationResult({ resource, task: "monitor", intervalMs, node, rc: NOT_RUNNING }, now)(at);
  }, cib);
}

function nodesOf(cib: XmlElement, resource: string, now: number): readonly string[] {
  const places = Object.entries(schedule(cib, now).present.placement).filter(([path]) => {
    const id = path.split("/").at(-1) ?? path;
    return id === resource || id.replace(/:\d+$/, "") === resource;
  });
  return [...new Set(places.flatMap(([, found]) => found.flatMap(({ nodes }) => nodes)))];
}

/** Operations that are to fail when they are tried: crm_simulate's form. @throws RehomeError usage */
export function plannedFailures(texts: readonly string[]): readonly PlannedFailure[] {
  return texts.flatMap((text) => {
    const { resource, task, node, rc } = parseOperation(text, "--op-fail");
    // The agent of an anonymous instance is known without the number.
    return [...new Set([resource, resource.replace(/:\d+$/, "")])].map((id) => ({ resource: id, task, node, rc }));
  });
}

function parseOperation(text: string, flag: string): inject.InjectedResult {
  const match = /^(.+)_([a-z]+|migrate_to|migrate_from)_(\d+)@(.+)=(\d+)$/.exec(text);
  if (match === null) {
    throw new RehomeError("usage", `"${text}" is not RESOURCE_TASK_INTERVAL@NODE=RC`, {
      remedy: `write it like ${flag} web1_monitor_10000@host1=7 (interval in ms, return code of the agent)`,
    });
  }
  const [, resource = "", task = "", interval = "", node = "", rc = ""] = match;
  return { resource, task, intervalMs: Number(interval), node, rc: Number(rc) };
}

/** A moment as it is typed: ISO 8601, or `@` and seconds since the epoch. @throws RehomeError usage */
export function parseMoment(text: string): number {
  const seconds = /^@(\d+)$/.exec(text)?.[1];
  const at = seconds === undefined ? parseDate(text) : Number(seconds) * 1000;
  if (at !== undefined && !Number.isNaN(at)) return at;
  throw new RehomeError("usage", `"${text}" is no date and time`, {
    remedy: 'write it like "2026-11-01 02:00:00Z" (UTC without a zone), or @ and seconds since the epoch',
  });
}
