import { SERIAL_COMMAND } from "../steps/grub-defaults.js";

/** A kernel and its initramfs by their paths on the file system that the menu is on. */
export interface MenuKernel {
  readonly title: string;
  readonly kernel: string;
  readonly initramfs: string | undefined;
  readonly parameters: string;
}

/** By this a later conversion knows that the menu is rehome's. */
export const MENU_MARK =
  "# Written when this server was moved; update-grub replaces it once the package grub-pc is installed.";

/**
 * A grub.cfg for a guest that never had one. Paths are on the file system with this UUID. Nothing is loaded from files:
 * see grub/images.ts.
 */
export function writeMenu(uuid: string, kernels: readonly MenuKernel[]): string {
  return [
    MENU_MARK,
    "set default=0",
    "set timeout=5",
    SERIAL_COMMAND,
    "terminal_input console serial",
    "terminal_output console serial",
    `search --no-floppy --fs-uuid --set=root ${uuid}`,
    ...kernels.flatMap(({ title, kernel, initramfs, parameters }) => [
      "",
      `menuentry ${quote(title)} {`,
      `\tlinux ${kernel} ${parameters.split(" ").map(word).join(" ")}`,
      ...(initramfs === undefined ? [] : [`\tinitrd ${initramfs}`]),
      "}",
    ]),
    "",
  ].join("\n");
}

/** A kernel's parameter, in quotes where GRUB's shell would read it as something else. */
function word(text: string): string {
  return /^[A-Za-z0-9_=,.:/@+%-]*$/.test(text) ? text : quote(text);
}

/** As GRUB's shell reads it: nothing in single quotes means anything but the quote itself. */
function quote(text: string): string {
  return `'${text.replaceAll("'", "")}'`;
}

/** An entry of a menu.lst (GRUB before 2), as far as a kernel's command line goes. */
export interface LegacyEntry {
  readonly kernel: string;
  readonly parameters: string;
}

/** The entry that menu.lst or grub.conf of GRUB before 2 starts by itself; undefined without any kernel. */
export function defaultLegacyEntry(text: string): LegacyEntry | undefined {
  const number = Number(/^[ \t]*default[ \t=]+(\d+)/m.exec(text)?.[1] ?? 0);
  const entries = text.split(/^[ \t]*title\b.*$/m).slice(1);
  for (const entry of [entries[number], ...entries]) {
    const match = /^[ \t]*kernel[ \t]+(?:\(hd[^)]*\))?(\S+)[ \t]*(.*)$/m.exec(entry ?? "");
    if (match?.[1] !== undefined && !/xen[^/]*\.gz$/.test(match[1])) {
      return { kernel: match[1], parameters: (match[2] ?? "").trim() };
    }
  }
  return undefined;
}
