import { readdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { asRehomeError, formatError, RehomeError } from "../../src/lib/errors.js";
import { nearest } from "../../src/lib/nearest.js";
import { changeLab } from "./change.js";
import { endWorld, findWorld, runInNetwork, startWorld } from "./world/world.js";

const TESTS = fileURLToPath(new URL("tests", import.meta.url));
const SUFFIX = ".lab.ts";
const USAGE = `npm run lab:test -- [--keep] [NAME…]

  runs the lab's tests of these names, all without a name, on a lab that is made for it and ended after it;
  --keep leaves it up, and goes on with the one that is up
`;

/** What `npm run lab:test` runs, after its set-up, as root: mocha, in the lab's network. */
async function main(argv: readonly string[]): Promise<number> {
  if (argv.includes("--help")) {
    process.stdout.write(USAGE);
    return 0;
  }
  const keep = argv.includes("--keep");
  const files = await testFiles(argv.filter((word) => word !== "--keep"));
  return changeLab("npm run lab:test", async () => {
    if (!keep && (await findWorld()) !== undefined) {
      throw new RehomeError("locked", "the lab is up", {
        remedy: "npm run lab -- down, or --keep to run the tests on it as it is",
      });
    }
    const world = await startWorld();
    try {
      return await runInNetwork(world, [process.execPath, "node_modules/mocha/bin/mocha.js", ...CONFIG, ...files]);
    } finally {
      if (!keep) await endWorld();
    }
  });
}

const CONFIG = ["--config", "test/lab/.mocharc.json"];

async function testFiles(names: readonly string[]): Promise<readonly string[]> {
  const known = (await readdir(TESTS))
    .filter((name) => name.endsWith(SUFFIX))
    .map((name) => name.slice(0, -SUFFIX.length));
  for (const name of names) {
    if (known.includes(name)) continue;
    const meant = nearest(name, known);
    throw new RehomeError("usage", `the lab has no test "${name}"`, {
      remedy: meant === undefined ? `it has ${known.join(", ")}` : `did you mean ${meant}?`,
    });
  }
  return (names.length > 0 ? names : known).map((name) => `${TESTS}/${name}${SUFFIX}`);
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  const known = asRehomeError(error);
  process.stderr.write(`lab: ${formatError(known)}\n`);
  process.exitCode = known.exitCode;
}
