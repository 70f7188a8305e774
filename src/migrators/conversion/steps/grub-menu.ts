import { defaultLegacyEntry, MENU_MARK, writeMenu, type MenuKernel } from "../grub/menu.js";
import { menuPlace } from "../grub/place.js";
import { kernelsIn, type GuestKernel } from "../kernels.js";
import { convertParameters, withRoot, withSerialConsole } from "../kernel-parameters.js";
import { NOTHING, readText, writeText } from "../text.js";
import type { Edit, Finding, Step, StepContext } from "../types.js";
import { SERIAL_COMMAND } from "./grub-defaults.js";
import { resumeParameter } from "./resume.js";

const PATH = "/boot/grub/grub.cfg";
const PATHS = [PATH, "/boot/grub2/grub.cfg"];
/** Menus of GRUB before 2, in the order in which Xen's pygrub looks for them; it prefers them to a grub.cfg. */
const LEGACY = ["/boot/grub/menu.lst", "/boot/grub/grub.conf"];

/** grub.cfg as update-grub would write it from the changed defaults; for a guest that Xen started, one of rehome's own. */
export const grubMenu: Step = {
  name: "grub menu",
  async check(context) {
    const extra = await resumeParameter(context);
    const hosted = context.machine.boot;
    const legacy = hosted?.how === "menu" ? await firstText(context, LEGACY) : undefined;
    const text = await firstText(context, PATHS);
    const kernels = hosted === undefined ? [] : await kernelsIn(context.files);
    const counts =
      hosted === undefined || (legacy === undefined && kernels.some(({ kernel }) => text?.text.includes(kernel)));
    if (text !== undefined && (counts || text.text.startsWith(MENU_MARK))) {
      return checkMenu(text.path, text.text, context, extra);
    }
    if (hosted === undefined) {
      return {
        ...NOTHING,
        warnings: ["there is no grub.cfg: rehome knows no other boot loader, the guest may not boot"],
      };
    }
    const outside = hosted.how === "outside" ? hosted.commandLine : "";
    const parameters = legacy === undefined ? outside : (defaultLegacyEntry(legacy.text)?.parameters ?? "");
    return newMenu(context, kernels, parameters, text);
  },
};

interface TextFile {
  readonly path: string;
  readonly text: string;
}

async function firstText({ files }: StepContext, paths: readonly string[]): Promise<TextFile | undefined> {
  for (const path of paths) {
    const text = await readText(files, path);
    if (text !== undefined) return { path, text };
  }
  return undefined;
}

/** A menu for a guest whose kernel somebody else started so far. */
function newMenu(
  context: StepContext,
  found: readonly GuestKernel[],
  parameters: string,
  stale: TextFile | undefined,
): Finding {
  const place = menuPlace(context);
  const line = withSerialConsole(withRoot(convertParameters(parameters, context), context));
  const kernels = found.map(({ release, kernel, initramfs }): MenuKernel => ({
    title: `${context.distribution.name}, Linux ${release}`,
    kernel: `${place.boot}/${kernel}`,
    initramfs: initramfs && `${place.boot}/${initramfs}`,
    parameters: line,
  }));
  const menu = writeText(PATH, writeMenu(place.uuid, kernels), [
    `a menu for ${kernels.length === 1 ? "the kernel" : `${kernels.length} kernels`} in /boot`,
  ]);
  const kept: Edit[] = stale === undefined ? [] : [writeText(`${stale.path}.before-move`, stale.text, [])];
  const warnings = [
    "the guest has no GRUB of its own: install the package grub-pc in it when it runs (grub-install /dev/vda, update-grub), " +
      "before its next kernel comes",
  ];
  return { edits: [...kept, menu], warnings };
}

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
  const begin = `\n${text}`.indexOf("\n### BEGIN /etc/grub.d/00_header ###\n");
  const last = "\n### END /etc/grub.d/00_header ###\n";
  const end = begin === -1 ? -1 : text.indexOf(last, begin);
  if (end === -1) return text;
  const header = text.slice(begin, end + last.length - 1);
  const terminals = `${SERIAL_COMMAND}\nterminal_input console serial\nterminal_output console serial\n`;
  const without = header.replace(/^[ \t]*terminal_input\b.*\n/gm, "");
  const changed = /^[ \t]*terminal_output\b.*\n/m.test(without)
    ? without.replace(/^[ \t]*terminal_output\b.*\n/m, () => terminals)
    : without.replace(/^### END/m, () => `${terminals}### END`);
  return text.replace(header, () => changed);
}
