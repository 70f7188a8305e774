import { parseArgs } from "node:util";

export interface DemoOptions {
  /** Leave the world running at the end, so that one can look around. */
  readonly keep: boolean;
  /** Boot the server, talk to it, and stop there. */
  readonly onlySource: boolean;
  /** Kill rehome in the middle of the first copy, and once in each step of the cutover. */
  readonly killed: boolean;
}

export const USAGE = `npm run demo -- [--keep] [--only-source | --killed]

Builds a real server, boots it in QEMU and moves it into a guest while a client counts.
Everything runs in namespaces of its own and is gone when the demo ends.

  --keep         leave everything running at the end, and say how to enter it
  --only-source  boot the server and talk to it, but do not move it
  --killed       kill rehome (kill -9) once in each step, and go on
`;

/** @throws TypeError for a flag that there is not */
export function parseOptions(argv: readonly string[]): DemoOptions | "help" {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      keep: { type: "boolean", default: false },
      "only-source": { type: "boolean", default: false },
      killed: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  return values.help ? "help" : { keep: values.keep, onlySource: values["only-source"], killed: values.killed };
}
