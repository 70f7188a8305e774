import { RehomeError } from "../../lib/errors.js";
import type { Report } from "../../lib/report.js";
import { formatAge, formatDuration } from "../../lib/units.js";
import type { Rehearsal } from "./types.js";

/** `rehearsed 10 min ago: booted in 41 s`. @param now ms since the epoch */
export function describeRehearsal(rehearsal: Rehearsal, now: number): string {
  const { at, outcome, because, bootMs } = rehearsal;
  const age = formatAge(now - at);
  if (outcome === "fails") return `rehearsal failed ${age}: ${because}`;
  if (outcome === "unclear") return `rehearsed ${age}, and nothing can be told by it: ${because}`;
  return `rehearsed ${age}: booted${bootMs === undefined ? "" : ` in ${formatDuration(bootMs)}`} (${because})`;
}

/**
 * What a cutover asks of the last rehearsal: a guest that is known not to boot does not get its window. What was copied
 * since then may have put it right, but nobody has seen that. One that was never rehearsed goes, with a warning.
 * @throws RehomeError rehearsal-failed
 */
export function requireRehearsed(
  guest: string,
  rehearsal: Rehearsal | undefined,
  { despiteRehearsal = false }: { readonly despiteRehearsal?: boolean },
  report: Report,
): void {
  const warn = (text: string): void => report.note({ severity: "warning", text });
  if (rehearsal === undefined) {
    warn(`nobody has seen this guest boot: rehome rehearse ${guest} tries it beforehand`);
    return;
  }
  if (rehearsal.outcome === "boots") return;
  const text = describeRehearsal(rehearsal, Date.now());
  if (rehearsal.outcome === "fails" && !despiteRehearsal) {
    throw new RehomeError("rehearsal-failed", text, {
      machine: guest,
      remedy: `put it right on the source, then run rehome stage ${guest} and rehome rehearse ${guest}; or add --despite-rehearsal`,
    });
  }
  warn(text);
}
