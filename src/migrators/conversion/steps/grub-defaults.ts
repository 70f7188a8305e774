import { withLineEnd } from "../../../lib/with-line-end.js";
import { convertParameters, withSerialConsole } from "../kernel-parameters.js";
import { NOTHING, readText, writeText } from "../text.js";
import type { Step, StepContext } from "../types.js";
import { resumeParameter } from "./resume.js";

const PATH = "/etc/default/grub";

/** Assignments that can be changed in place: one line, nothing for the shell to expand. */
const ASSIGNMENT = /^(\s*(?:export\s+)?([A-Z_]+)=)(?:"([^"\\$`]*)"|'([^']*)'|([^\s"'\\$`;#&|]*))(\s*(?:#.*)?)$/;

/**
 * What update-grub makes grub.cfg from, so that the guest's next kernel boots as this one does. grub.cfg itself is
 * changed by the step after this in the same way: running update-grub takes far longer, and on a machine that is not
 * the guest it finds other disks.
 */
export const grubDefaults: Step = {
  name: "grub defaults",
  async check(context) {
    const before = await readText(context.files, PATH);
    if (before === undefined) return NOTHING;
    const changes: string[] = [];
    let text = convertDevices(before, context);
    if (text !== before) changes.push("devices on the kernel's command line are named by UUID");
    const extra = await resumeParameter(context);
    const parameters = (value: string): string => withSerialConsole(convertParameters(value, context, extra));
    if (!hasSerialConsole(text) || extra !== undefined) {
      const changed = changeVariable(text, "GRUB_CMDLINE_LINUX", parameters);
      if (changed !== text) changes.push(`the kernel's console is on ttyS0${extra === undefined ? "" : `, ${extra}`}`);
      text = changed;
    }
    if (!hasSerialTerminal(text)) {
      text = changeVariable(text, "GRUB_TERMINAL", () => "console serial");
      text = changeVariable(text, "GRUB_SERIAL_COMMAND", (value) => (value === "" ? SERIAL_COMMAND : value));
      changes.push("GRUB's menu is on the serial port as well");
    }
    return { edits: text === before ? [] : [writeText(PATH, text, changes)], warnings: [] };
  },
};

export const SERIAL_COMMAND = "serial --unit=0 --speed=115200";

function hasSerialConsole(text: string): boolean {
  return /^[ \t]*(?:export[ \t]+)?GRUB_CMDLINE_LINUX(?:_DEFAULT)?=.*console=ttyS0\b/m.test(text);
}

function hasSerialTerminal(text: string): boolean {
  return /^[ \t]*(?:export[ \t]+)?GRUB_TERMINAL(?:_OUTPUT)?=.*serial/m.test(text);
}

function convertDevices(text: string, context: StepContext): string {
  return text
    .split("\n")
    .map((line) => {
      const match = ASSIGNMENT.exec(line);
      if (match?.[2]?.startsWith("GRUB_CMDLINE_LINUX") !== true) return line;
      const value = match[3] ?? match[4] ?? match[5] ?? "";
      const converted = convertParameters(value, context);
      return converted === value ? line : assignment(match, converted);
    })
    .join("\n");
}

/** Changes the last assignment of a shell variable; where that is no plain one, another is added that builds on it. */
export function changeVariable(text: string, name: string, change: (value: string) => string): string {
  const lines = text.split("\n");
  const isAssignment = new RegExp(`^\\s*(?:export\\s+)?${name}=`);
  const index = lines.findLastIndex((line) => isAssignment.test(line));
  const match = ASSIGNMENT.exec(lines[index] ?? "");
  if (match !== null) {
    lines[index] = assignment(match, change(match[3] ?? match[4] ?? match[5] ?? ""));
    return lines.join("\n");
  }
  const value = index === -1 ? change("") : `$${name} ${change("")}`;
  return `${withLineEnd(text)}${name}="${value}"\n`;
}

function assignment(match: RegExpExecArray, value: string): string {
  return `${match[1] ?? ""}"${value}"${match[6] ?? ""}`;
}
