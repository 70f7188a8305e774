import { isVolatile, resolveDevice, type DeviceFacts } from "./devices.js";

/** The serial port that libvirt gives the guest; the last console= is where the system's messages go. */
const SERIAL = "console=ttyS0,115200n8";

/**
 * A kernel's command line as it must be in the guest: devices by UUID, a console on the serial port, and `extra` when
 * it is not there. Unchanged when nothing has to change.
 */
export function convertParameters(line: string, facts: DeviceFacts, extra?: string): string {
  const words = line.split(" ").map((word) => convertDevice(word, facts));
  for (const parameter of extra === undefined ? [] : [extra]) {
    const key = parameter.split("=")[0];
    if (!words.some((word) => word.split("=")[0] === key)) words.push(parameter);
  }
  return words.join(" ");
}

/** Adds the serial console. Without any console= the screen, which was the only one, is named as well. */
export function withSerialConsole(line: string): string {
  const words = line.split(" ");
  if (words.some((word) => /^console=ttyS0(?:,|$)/.test(word))) return line;
  const screen = words.some((word) => /^console=tty\d/.test(word)) ? [] : ["console=tty0"];
  return [...words.filter((word, index) => word !== "" || index === 0), ...screen, SERIAL].join(" ").trimStart();
}

function convertDevice(word: string, facts: DeviceFacts): string {
  const match = /^(root|resume)=(.+)$/.exec(word);
  if (match?.[1] === undefined || match[2] === undefined || !isVolatile(match[2])) return word;
  const uuid = resolveDevice(match[2], facts)?.uuid;
  return uuid === undefined ? word : `${match[1]}=UUID=${uuid}`;
}
