import { join } from "node:path";
import { Transform } from "node:stream";
import { localHost } from "../../src/lib/host/local-host.js";
import type { Host, RunResult } from "../../src/lib/host/types.js";
import { decodeFrameHeader, encodeFrame, FRAME, FRAME_HEADER_SIZE } from "../../src/migrators/staging/protocol.js";
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
      const own = (words: readonly string[]): readonly string[] => {
        const store = words.find((word) => word.endsWith("-cow"));
        if (store !== undefined) source.log.push(`read ${store.slice(store.lastIndexOf("/") + 1)}`);
        else if (words.includes(source.disk)) source.log.push("read disk");
        return words.map((word) =>
          word.startsWith(MAPPER) ? join(source.folder, `${word.slice(MAPPER.length)}.device`) : word,
        );
      };
      return local.start(own(argv), options).then((process) => {
        const stdin = openingOf(own);
        stdin.pipe(process.stdin);
        return { ...process, stdin };
      });
    },
  };
}

/** What a reader in python is sent, with other paths where it is told to open disks. */
function openingOf(own: (paths: readonly string[]) => readonly string[]): Transform {
  const renamed = (paths: Buffer): Buffer => {
    const words = paths.toString().split("\0").slice(0, -1);
    return Buffer.from(
      own(words)
        .map((path) => `${path}\0`)
        .join(""),
    );
  };
  let program: number | undefined;
  let left = Buffer.alloc(0);
  return new Transform({
    transform(data: Buffer, _encoding, done) {
      left = Buffer.concat([left, data]);
      if (program === undefined) {
        const line = left.indexOf("\n");
        if (line === -1) {
          done();
          return;
        }
        program = line + 1 + Number(left.subarray(0, line).toString());
      }
      const passed = Math.min(program, left.length);
      this.push(left.subarray(0, passed));
      left = left.subarray(passed);
      program -= passed;
      while (program === 0 && left.length >= FRAME_HEADER_SIZE) {
        const { type, length } = decodeFrameHeader(left);
        const end = FRAME_HEADER_SIZE + length;
        if (left.length < end) break;
        const frame = left.subarray(0, end);
        this.push(type === FRAME.open ? encodeFrame(type, 0, 0, 0, renamed(frame.subarray(FRAME_HEADER_SIZE))) : frame);
        left = left.subarray(end);
      }
      done();
    },
  });
}
