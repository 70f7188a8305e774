/** What a rehearsal came to; it stands in the guest's journal. */
export interface Rehearsal {
  /** When it ended. */
  readonly at: number;
  /** `unclear`: nobody can tell by it, such as from a copy too torn to be opened. */
  readonly outcome: "boots" | "fails" | "unclear";
  /** In a few words: `login prompt`, `grub rescue prompt`. */
  readonly because: string;
  /** How long the conversion took, in ms, without the start of its appliance. */
  readonly convertMs?: number;
  /** How long the conversion's appliance took to start, in ms; at a cutover it starts beside other steps. */
  readonly applianceMs?: number;
  /** From the start of the guest until it had booted, in ms. */
  readonly bootMs?: number;
  /** Whether the guest ran without KVM, which takes many times as long. */
  readonly emulated: boolean;
}

/** What the administrator sees of a rehearsal. */
export interface RehearsalResult extends Rehearsal {
  readonly guest: string;
  /** What the conversion changed, in a few words each. */
  readonly changes: readonly string[];
  readonly warnings: readonly string[];
  /** What the guest said that it could not start. */
  readonly failedServices: readonly string[];
  /** Bytes of memory that it was started with. */
  readonly memory: number;
  /** The end of what it wrote to its console. */
  readonly lastWords: string;
  /** Files with what it wrote to its console, and with a picture of its screen. */
  readonly console: string;
  readonly screenshot: string | undefined;
}
