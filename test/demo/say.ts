const startedAt = Number(process.env["REHOME_DEMO_STARTED"] ?? Date.now());
process.env["REHOME_DEMO_STARTED"] = `${startedAt}`; // the program in the world counts on

/** A line about what the demo does now, with the time since it began. */
export function say(text: string): void {
  const seconds = Math.floor((Date.now() - startedAt) / 1000);
  const clock = `${Math.floor(seconds / 60)}:${`${seconds % 60}`.padStart(2, "0")}`;
  process.stdout.write(`${clock.padStart(5)}  ${text}\n`);
}
