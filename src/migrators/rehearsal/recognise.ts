/** What can be seen of a guest that is starting. */
export interface Seen {
  /** What it wrote to its serial port, as plain text. */
  readonly console: string;
  /** What is on its screen, where that is in text mode. */
  readonly screen: string;
  /** QEMU's run state: `running`, `guest-panicked`, `shutdown` … */
  readonly status: string;
  /** Whether the guest agent has opened its channel; it does so in emergency mode, too. */
  readonly agent: boolean;
  /** How often it restarted itself. */
  readonly restarts: number;
}

/** Whether a guest boots, with what shows it. */
export type Verdict = { readonly boots: true; readonly by: string } | { readonly boots: false; readonly why: string };

/** A guest may start anew once or twice: after fsck repaired something, or labels were set. */
const RESTARTS = 3;

interface Sign {
  readonly pattern: RegExp;
  readonly verdict: (text: string, match: RegExpMatchArray) => Verdict;
}

/** Signs of having arrived. */
const ARRIVED: readonly Sign[] = [
  { pattern: /^\S{1,64} login: ?/gm, verdict: () => ({ boots: true, by: "login prompt" }) },
  {
    pattern: /Reached target (?:\S+ - )?(Multi-User System|Graphical Interface)/g,
    verdict: (_, match) => ({ boots: true, by: `systemd reached ${match[1] ?? "its target"}` }),
  },
];

/** Where guests stay for ever. */
const STUCK: readonly Sign[] = [
  stuck(/^ *grub rescue> ?$/gm, (text) => `grub rescue prompt${grubError(text)}`),
  stuck(/^ *grub> ?$/gm, (text) => `grub prompt: it found no menu${grubError(text)}`),
  stuck(/GRUB [\s\S]{0,300}Error (\d{1,2})\s*$/g, (_, match) => `grub error ${match[1] ?? ""}`), // GRUB Legacy
  stuck(
    /No bootable device|No bootable option or device was found|Missing operating system|Operating system not found/g,
    () => "no boot loader on its first disk",
  ),
  stuck(/^.*UEFI Interactive Shell/gm, () => "the firmware's shell: it found no boot loader"),
  stuck(/Kernel panic - not syncing(?:: (.+))?/g, (_, match) => `kernel panic${said(match[1])}`),
  stuck(/^ *\(initramfs\) ?|^dracut:\/# ?|Dropping to a shell/gm, (text) => `initramfs shell${rootError(text)}`),
  stuck(/^rehome: (.{1,80}); this is a shell in the initramfs/gm, (_, match) => `initramfs shell${said(match[1])}`),
  stuck(
    /Target filesystem doesn't have requested (\S{1,60}?)\.?$|No init found/gm,
    (_, match) => `its root has no ${match[1] ?? "init"}`,
  ),
  stuck(/Dependency failed for .{0,40}Local File Systems/g, (text) => `emergency mode${unitError(text)}`),
  stuck(
    /You are in (?:emergency|rescue) mode|Entering emergency mode|root password for maintenance|Press Enter for maintenance|the root account is locked/g,
    (text) => `emergency mode${unitError(text)}`,
  ),
];

/** Says whether a guest has arrived, or where it is stuck; undefined while neither can be told. Pure. */
export function recognise(seen: Seen): Verdict | undefined {
  const said = lastSign(seen.console, [...ARRIVED, ...STUCK]);
  if (said !== undefined) return said;
  if (seen.status === "guest-panicked") return { boots: false, why: "kernel panic" };
  const shown = lastSign(seen.screen, [...ARRIVED, ...STUCK]);
  if (shown !== undefined) return shown;
  if (seen.status === "shutdown") return { boots: false, why: "it switched itself off" };
  if (seen.restarts > RESTARTS) return { boots: false, why: `it restarted itself ${seen.restarts} times` };
  return undefined;
}

/** What a guest came to that said nothing clear in time. With an agent, and no login on its console, it has booted. */
export function late({ console, screen, agent }: Pick<Seen, "console" | "screen" | "agent">): Verdict {
  if (agent) return { boots: true, by: "guest agent" };
  const error = lastOf(console, GRUB_ERROR) ?? lastOf(screen, GRUB_ERROR);
  const words = lastLine(console) ?? lastLine(screen);
  const what =
    error !== undefined
      ? `; grub says: ${error}`
      : words === undefined
        ? ", and nothing on its console"
        : `; it last said: ${words}`;
  return { boots: false, why: `no login prompt in time${what}` };
}

/** Whether a guest is stuck because something took too long: where it is emulated that says little. */
export function saysLate(console: string): boolean {
  return /Timed out waiting for device/.test(console);
}

/**
 * Whether file systems are damaged by what a guest says of them. A copy of a running server may be, where no snapshot held
 * it still: then that it does not boot says nothing about the server.
 */
export function saysDamaged(console: string): boolean {
  return DAMAGE.test(console);
}

const DAMAGE =
  /UNEXPECTED INCONSISTENCY|[Rr][Uu][Nn] fsck (?:MANUALLY|manually)|EXT[234]-fs error|XFS \([^)]{1,40}\): (?:Metadata )?[Cc]orruption|requires a manual fsck/;

/** What systemd or an init script could not start, in its own words. */
export function failedServices(console: string): readonly string[] {
  const found = [...console.matchAll(SERVICE_ERROR)];
  return [...new Set(found.map((match) => (match[1] ?? "").replace(/\.+$/, "").trim()))];
}

const SERVICE_ERROR =
  /\[ ?(?:FAILED|DEPEND|TIME) ?\] ((?:Failed to (?:start|mount|activate|listen on)|Dependency failed for|Timed out waiting for) .{1,80})/g;

/** The sign that stands last: a guest goes on from one to the next. */
function lastSign(text: string, signs: readonly Sign[]): Verdict | undefined {
  let last: { readonly at: number; readonly verdict: Verdict } | undefined;
  for (const { pattern, verdict } of signs) {
    const match = [...text.matchAll(pattern)].at(-1);
    if (match === undefined || (last !== undefined && match.index <= last.at)) continue;
    last = { at: match.index, verdict: verdict(text, match) };
  }
  return last?.verdict;
}

function stuck(pattern: RegExp, why: (text: string, match: RegExpMatchArray) => string): Sign {
  return { pattern, verdict: (text, match) => ({ boots: false, why: why(text, match).slice(0, 160) }) };
}

const GRUB_ERROR = /^ *error: (.{1,120}?)\.? *$/gm;

function grubError(text: string): string {
  return said(lastOf(text, GRUB_ERROR));
}

function rootError(text: string): string {
  const missing = lastOf(text, /ALERT! +(\S{1,80}) +does not exist/g) ?? lastOf(text, /(\S{1,80}) does not exist/g);
  return missing === undefined ? "" : `: there is no ${missing}`;
}

/** The first: the others depend on it. */
function unitError(text: string): string {
  return said(failedServices(text)[0]);
}

function said(words: string | undefined): string {
  return words === undefined || words.trim() === "" ? "" : `: ${words.trim()}`;
}

function lastOf(text: string, pattern: RegExp): string | undefined {
  return [...text.matchAll(pattern)].at(-1)?.[1];
}

function lastLine(text: string): string | undefined {
  const line = text.split("\n").findLast((each) => each.trim() !== "");
  return line?.trim().slice(0, 100);
}
