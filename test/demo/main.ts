import { fileURLToPath } from "node:url";
import { asRehomeError, formatError } from "../../src/lib/errors.js";
import { serverImage } from "../helpers/server-image.js";
import { accelerator } from "../helpers/accelerator.js";
import { parseOptions, USAGE } from "./options.js";
import { say } from "./say.js";
import { removeLeftovers, runWorld } from "./world.js";

/** What `npm run demo` runs, after its set-up, as root: builds the server, then plays the demo in its own world. */
async function main(): Promise<number> {
  const options = parseOptions(process.argv.slice(2));
  if (options === "help") {
    process.stdout.write(USAGE);
    return 0;
  }
  await removeLeftovers();
  const accel = await accelerator();
  say(accel === "kvm" ? "KVM works here" : "KVM does not work here: everything is emulated (TCG)");
  await serverImage({ virtio: true }, say);
  const play = fileURLToPath(new URL("play.ts", import.meta.url));
  return runWorld((work) => [process.execPath, "--import", "tsx", play, work, ...process.argv.slice(2)]);
}

try {
  process.exitCode = await main();
} catch (error) {
  process.stderr.write(`demo: ${formatError(asRehomeError(error))}\n`);
  process.stdout.write("0 passed, 1 failed\n");
  process.exitCode = 1;
}
