import { convertParameters, withSerialConsole } from "../kernel-parameters.js";
import { NOTHING, readText, writeText } from "../text.js";
import type { Finding, Step, StepContext } from "../types.js";
import { SERIAL_COMMAND } from "./grub-defaults.js";
import { resumeParameter } from "./resume.js";

const PATHS = ["/boot/grub/grub.cfg", "/boot/grub2/grub.cfg"];

/** grub.cfg as update-grub would write it from the changed defaults. */
export const grubMenu: Step = {
  name: "grub menu",
  async check(context) {
    const extra = await resumeParameter(context);
    for (const path of PATHS) {
      const text = await readText(context.files, path);
      if (text !== undefined) return checkMenu(path, text, context, extra);
    }
    return {
      ...NOTHING,
      warnings: ["there is no grub.cfg: rehome knows no other boot loader, the guest may not boot"],
    };
  },
};

function checkMenu(path: string, before: string, context: StepContext, extra: string | undefined): Finding {
  const changes: string[] = [];
  const text = before.replace(
    /^([ \t]*linux(?:16|efi)?[ \t]+)(\S+)([ \t]+)(.+)$/gm,
    (line, command: string, kernel: string, space: string, parameters: string) => {
      if (/memtest/.test(kernel)) return line;
      const converted = withSerialConsole(convertParameters(parameters.trimEnd(), context, extra));
      return converted === parameters.trimEnd() ? line : `${command}${kernel}${space}${converted}`;
    },
  );
  if (text !== before) changes.push("kernels start with the serial console, and devices by UUID");
  const menu = withSerialTerminal(text);
  if (menu !== text) changes.push("the menu is on the serial port as well");
  return { edits: changes.length === 0 ? [] : [writeText(path, menu, changes)], warnings: [] };
}

/**
 * As 00_header writes it for GRUB_TERMINAL="console serial". A menu that is not grub-mkconfig's is left alone: it works
 * as it is, on the screen only.
 */
function withSerialTerminal(text: string): string {
  if (/^[ \t]*terminal_output\b.*\bserial\b/m.test(text)) return text;
  const header = /^### BEGIN \/etc\/grub\.d\/00_header ###$[^]*?^### END \/etc\/grub\.d\/00_header ###$/m.exec(
    text,
  )?.[0];
  if (header === undefined) return text;
  const terminals = `${SERIAL_COMMAND}\nterminal_input console serial\nterminal_output console serial\n`;
  const without = header.replace(/^[ \t]*terminal_input\b.*\n/gm, "");
  const changed = /^[ \t]*terminal_output\b.*\n/m.test(without)
    ? without.replace(/^[ \t]*terminal_output\b.*\n/m, () => terminals)
    : without.replace(/^### END/m, () => `${terminals}### END`);
  return text.replace(header, () => changed);
}
