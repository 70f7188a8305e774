import { RehomeError } from "../../lib/errors.js";
import type { Host } from "../../lib/host/types.js";
import type { Action, Transition } from "../scheduler/types.js";
import { isReal } from "./what-if.js";

/** A transition as a graph in Graphviz' DOT: real actions as boxes, points in time as ellipses, orders as arrows. */
export function dotOf({ actions, orders }: Transition): string {
  const names = new Map(actions.map((action, index) => [action.id, `a${index}`]));
  return [
    "digraph transition {",
    '  node [fontname="sans-serif", fontsize=10];',
    ...actions.map((action) => `  ${names.get(action.id) ?? ""} [${look(action)}];`),
    ...orders.flatMap(({ first, then }) => {
      const [from, to] = [names.get(first), names.get(then)];
      return from === undefined || to === undefined ? [] : [`  ${from} -> ${to};`];
    }),
    "}",
    "",
  ].join("\n");
}

function look(action: Action): string {
  const label = action.node === undefined ? action.key : `${action.key}\n${action.node}`;
  const style = action.task === "stonith" ? 'shape=box, color="red"' : isReal(action) ? "shape=box" : "style=dotted";
  return `label=${JSON.stringify(label)}, ${style}`;
}

const NOT_INSTALLED = 127;

/** The graph as a picture, drawn by Graphviz. @throws RehomeError tool-missing, command-failed */
export async function svgOf(host: Host, transition: Transition): Promise<string> {
  const drawn = await host.run(["dot", "-Tsvg"], { input: dotOf(transition), timeoutMs: 60_000 });
  if (drawn.exitCode === 0) return drawn.stdout;
  if (drawn.exitCode === NOT_INSTALLED) {
    throw new RehomeError("tool-missing", "Graphviz, which draws the picture, is not installed", {
      remedy: "apt install graphviz, or take --dot and draw it elsewhere",
    });
  }
  throw new RehomeError("command-failed", "dot cannot draw the transition", { output: drawn.stderr.trim() });
}
