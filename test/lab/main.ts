import { fileURLToPath } from "node:url";
import { asRehomeError, formatError, RehomeError } from "../../src/lib/errors.js";
import { runAction } from "./actions.js";
import { changeLab } from "./change.js";
import { MACHINES } from "./machines.js";
import { endWorld, findWorld, isInside, runInNetwork, startWorld } from "./world/world.js";

const USAGE = `npm run lab -- COMMAND

  up NAME…             make the machines that there are not yet, switch them on, wait for ssh (without NAME: all)
  status               what is on, and what answers
  ssh NAME [COMMAND…]  log in as root
  console NAME         the serial console; Ctrl-] leaves it
  power NAME on|off    at the plug
  snapshot [SNAPSHOT]  keep the state of all machines, memory included
  restore [SNAPSHOT]   go back to it
  down                 end everything, and forget it

  machines: ${MACHINES.map(({ name }) => name).join(", ")}
`;

const CHANGES: readonly string[] = ["up", "power", "snapshot", "restore", "down"];

/** What `npm run lab` runs, after its set-up, as root. What has to reach the machines runs again in their network. */
async function main(argv: readonly string[]): Promise<number> {
  const [command, ...args] = argv;
  if (command === undefined || command === "help" || command === "--help") {
    process.stdout.write(USAGE);
    return 0;
  }
  const world = await findWorld();
  if (world !== undefined && isInside(world)) return runAction(command, args);
  const carryOut = async (): Promise<number> => {
    if (command === "down") {
      await endWorld();
      return 0;
    }
    const entered = command === "up" ? await startWorld() : world;
    if (entered === undefined) return nothingUp(command);
    const self = [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url), ...argv];
    return runInNetwork(entered, self);
  };
  return CHANGES.includes(command) ? changeLab(`npm run lab -- ${command}`, carryOut) : carryOut();
}

function nothingUp(command: string): number {
  if (command === "status") {
    process.stdout.write("the lab is down\n");
    return 0;
  }
  throw new RehomeError("usage", "the lab is down", { remedy: "npm run lab -- up" });
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const known = asRehomeError(error);
  process.stderr.write(`lab: ${formatError(known)}\n`);
  process.exitCode = known.exitCode;
}
