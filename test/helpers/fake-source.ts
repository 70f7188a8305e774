import { join } from "node:path";
import { localHost } from "../../src/lib/host/local-host.js";
import type { Host, RunResult } from "../../src/lib/host/types.js";
import { answerSeveral } from "./several.js";

/** What a fake machine answers by itself; all else is run here. */
export interface FakeSource {
  /** Has the devices of /dev/mapper as files `NAME.device`. */
  readonly folder: string;
  /** The file that is its disk. */
  readonly disk: string;
  readonly bootId: string;
  /** Reads of stores and of the disk are noted in it. */
  readonly log: string[];
  /** Undefined: the program is run here. */
  answer(argv: readonly string[]): Promise<RunResult | undefined>;
}

const MAPPER = "/dev/mapper/";
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** A fake machine, as rehome connects to it. */
export function connectTo(source: FakeSource): Host {
  const local = localHost("source");
  const run = async (argv: readonly string[]): Promise<RunResult> => {
    if (argv.join(" ") === `cat ${BOOT_ID}`) return { argv, exitCode: 0, stdout: `${source.bootId}\n`, stderr: "" };
    return (await source.answer(argv)) ?? local.run(argv);
  };
  return {
    ...local,
    name: "source",
    run: async (argv) => (await answerSeveral(argv, run)) ?? run(argv),
    start: (argv, options) => {
      const store = argv.find((word) => word.endsWith("-cow"));
      if (store !== undefined) source.log.push(`read ${store.slice(store.lastIndexOf("/") + 1)}`);
      else if (argv.includes(source.disk)) source.log.push("read disk");
      const own = (word: string): string =>
        word.startsWith(MAPPER) ? join(source.folder, `${word.slice(MAPPER.length)}.device`) : word;
      return local.start(argv.map(own), options);
    },
  };
}
