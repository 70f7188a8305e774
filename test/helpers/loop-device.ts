import { localHost } from "../../src/lib/host/local-host.js";
import { runChecked } from "../../src/lib/host/run.js";

/**
 * A loop device of a file; where none can be made (no root, a kernel without them), the test is skipped.
 * @returns the device's path, for `detachLoop`
 */
export async function loopDevice(test: Mocha.Context, file: string): Promise<string> {
  const made = await localHost().run(["losetup", "--find", "--show", file]);
  if (made.exitCode === 0) return made.stdout.trim();
  console.log(`      skipped: no loop device: ${made.stderr.trim()}`);
  return test.skip();
}

export async function detachLoop(device: string): Promise<void> {
  await runChecked(localHost(), ["losetup", "--detach", device]);
}
