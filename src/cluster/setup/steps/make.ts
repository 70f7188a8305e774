import { withLineEnd } from "../../../lib/with-line-end.js";
import type { CommandStep, FileStep } from "./types.js";

/** A file that is rehome's alone. */
export function ownFile(
  machine: string,
  path: string,
  content: string,
  why: string,
  { mode = 0o644, secret = false }: { readonly mode?: number; readonly secret?: boolean } = {},
): FileStep {
  const compose = (): Buffer => Buffer.from(content);
  return { kind: "file", machine, path, mode, secret, sharing: "own", sources: [], compose, why };
}

const BEGIN = "# rehome cluster: begin";
const END = "# rehome cluster: end";

/** Lines of ours in a file that others write into too, at its end, between two marks. */
export function sharedLines(
  machine: string,
  path: string,
  lines: (sources: readonly Buffer[]) => readonly string[],
  why: string,
  { mode = 0o644, sources = [] }: Partial<Pick<FileStep, "mode" | "sources">> = {},
): FileStep {
  const compose: FileStep["compose"] = (before, found) =>
    Buffer.from(withBlock(before?.toString("utf8") ?? "", lines(found)));
  return { kind: "file", machine, path, mode, secret: false, sharing: "shared", sources, compose, why };
}

/** A text with the lines between the marks replaced, or added at its end. */
export function withBlock(text: string, lines: readonly string[]): string {
  const block = [BEGIN, ...lines, END, ""].join("\n");
  const [start, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (start !== -1 && end > start) return text.slice(0, start) + block + text.slice(end + END.length + 1);
  return `${withLineEnd(text)}${block}`;
}

/** A file of one machine on another. */
export function copyFile(
  from: FileStep["sources"][number],
  to: FileStep["sources"][number],
  why: string,
  mode = 0o600,
): FileStep {
  const compose: FileStep["compose"] = (_, [content]) => content ?? Buffer.alloc(0);
  return { kind: "file", ...to, mode, secret: true, sharing: "copy", sources: [from], compose, why };
}

/** A command line of the shell as argv; its parameters are "$1" and so on, so that nothing is interpreted twice. */
export function shell(script: string, ...parameters: readonly string[]): readonly string[] {
  return ["sh", "-c", script, "sh", ...parameters];
}

/** A service is enabled, and was started since the files that it reads were written. */
export function serviceRuns(machine: string, service: string, files: readonly string[], why: string): CommandStep {
  const current = [
    'systemctl -q is-enabled "$1" && systemctl -q is-active "$1" || exit 1',
    'started=$(date -d "$(systemctl show --property=ActiveEnterTimestamp --value "$1")" +%s) || exit 1',
    "shift",
    'for file; do [ "$(stat -c %Y "$file")" -le "$started" ] || exit 1; done',
  ].join("\n");
  return {
    kind: "command",
    machine,
    argv: shell('systemctl enable --quiet "$1" && systemctl restart "$1"', service),
    unless: shell(current, service, ...files),
    timeoutMs: 180_000,
    why,
  };
}

/** A service is neither running nor started at boot. */
export function serviceOff(machine: string, service: string, why: string): CommandStep {
  return {
    kind: "command",
    machine,
    argv: ["systemctl", "disable", "--quiet", "--now", service],
    unless: shell('! systemctl -q is-enabled "$1" 2>/dev/null && ! systemctl -q is-active "$1"', service),
    why,
  };
}
