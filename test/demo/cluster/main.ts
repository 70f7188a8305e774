import { fileURLToPath } from "node:url";
import { asRehomeError, formatError, RehomeError } from "../../../src/lib/errors.js";
import { changeLab } from "../../lab/change.js";
import { endWorld, findWorld, runInNetwork, startWorld } from "../../lab/world/world.js";

const PLAY = fileURLToPath(new URL("play.ts", import.meta.url));
const USAGE = `npm run demo:cluster -- [--keep]

  Makes a cluster of two hosts and a tie-breaker out of three bare Debian machines, moves two paravirtual guests of a
  Xen host onto it while they are written to, and cuts the power of the host that one of them runs on. All machines are
  virtual; the first run builds their images. --keep leaves them up: npm run lab -- ssh alpha
`;

/** What `npm run demo:cluster` runs, after its set-up, as root: the play, in a lab of its own. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  return changeLab("npm run demo:cluster", async () => {
    if ((await findWorld()) !== undefined) {
      throw new RehomeError("locked", "the lab is up", { remedy: "npm run lab -- down" });
    }
    const world = await startWorld();
    try {
      return await runInNetwork(world, [process.execPath, "--import", "tsx", PLAY]);
    } finally {
      if (!argv.includes("--keep")) await endWorld();
    }
  });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`demo: ${formatError(asRehomeError(error))}\n`);
  process.stdout.write("0 passed, 1 failed\n");
  process.exitCode = 1;
}
