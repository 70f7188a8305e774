import type { Concern } from "../concern.js";
import { wrap } from "./table.js";

/** A concern as lines for people, 80 columns wide, with an empty line before it. */
export function describeConcern({ severity, code, message, remedy }: Concern): readonly string[] {
  return [
    "",
    `  ${severity.toUpperCase()} ${code}`,
    ...wrap(message, 76).map((line) => `    ${line}`),
    ...wrap(remedy, 74).map((line, index) => `    ${index === 0 ? "→ " : "  "}${line}`),
  ];
}
