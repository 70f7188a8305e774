import { RehomeError } from "../../lib/errors.js";
import { runChecked } from "../../lib/host/run.js";
import type { Host } from "../../lib/host/types.js";
import { childOf, descendantsOf, parseXml, writeXml, type XmlElement } from "../../lib/xml.js";
import { schedule } from "../scheduler/index.js";
import type { Outlook } from "./types.js";

/** What interrupts what runs, or takes a machine away from it. */
const DISRUPTIVE = ["stop", "demote", "migrate_to", "migrate_from", "reload", "reload-agent", "stonith"];
const LIMIT = { timeoutMs: 60_000 };

interface Decided {
  readonly task: string;
  readonly resource: string;
  readonly node: string;
}

/** What rehome's own scheduler would do. @throws RehomeError cib-unsupported for what it does not understand */
export function ownOutlook(cib: XmlElement, now: number): Outlook {
  const { actions, unsupported } = schedule(cib, now);
  if (unsupported.length > 0) {
    throw new RehomeError("cib-unsupported", `rehome cannot foresee it: the CIB uses ${unsupported.join(", ")}`, {
      remedy: "take that out of the runtime's CIB or the cluster's first",
    });
  }
  const decided = actions
    .filter(({ kind, task }) => kind !== "pseudo" || task === "stonith")
    .map(({ task, resource, node = "" }) => ({ task, resource: resource?.longId ?? "", node }));
  return outlookOf(decided);
}

/** What Pacemaker's own scheduler would do, asked on a member with crm_simulate. @throws RehomeError command-failed */
export async function pacemakersOutlook(host: Host, cib: XmlElement): Promise<Outlook> {
  const folder = (await runChecked(host, ["mktemp", "-d"], LIMIT)).trim();
  try {
    const [input, graph] = [`${folder}/cib.xml`, `${folder}/graph.xml`];
    await host.writeFile(input, writeXml(cib), 0o600);
    // Its exit code is about carrying the transition out, which it does besides; what is wanted is the decision.
    const ran = await host.run(["crm_simulate", "-x", input, "-S", "-Q", "-G", graph], LIMIT);
    const written = await host.readFile(graph).catch((cause: unknown) => {
      throw new RehomeError("command-failed", `crm_simulate decided nothing (exit code ${ran.exitCode})`, {
        ...{ machine: host.name, output: ran.stderr.trim(), cause },
        remedy: "see what crm_verify says there",
      });
    });
    const root = parseXml(written.toString(), graph);
    const actions = descendantsOf(root, "action_set").flatMap((set) => set.children);
    const real = actions.filter(({ name }) => name === "rsc_op" || name === "crm_event");
    return outlookOf(real.map((at) => decision(at, childOf(at, "primitive"))));
  } finally {
    await host.run(["rm", "-rf", "--", folder], LIMIT);
  }
}

function decision({ attributes }: XmlElement, primitive: XmlElement | undefined): Decided {
  const { operation = "", on_node: node = "" } = attributes;
  return { task: operation, resource: primitive?.attributes["id"] ?? "", node };
}

function outlookOf(decided: readonly Decided[]): Outlook {
  const text = ({ task, resource, node }: Decided): string =>
    task === "stonith" ? `fence ${node}` : `${task} ${resource} on ${node}`;
  const of = (tasks: readonly string[]): readonly string[] => [
    ...new Set(decided.filter(({ task }) => tasks.includes(task)).map(text)),
  ];
  return { disruptions: of(DISRUPTIVE), starts: of(["start"]).map((line) => line.replace("start ", "")) };
}
