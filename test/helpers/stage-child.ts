import { runFinalPass, stageGuest } from "../../src/migrators/staging/index.js";
import { silentReport } from "../../src/lib/report.js";
import { stagingFixture } from "./staging.js";

/**
 * Stages a fixture's guest in a process of its own, so that a test can kill it: FOLDER SIZES(JSON) OPTIONS(JSON) WRAP(true or false).
 * Prints a line when a pass begins.
 */
const [folder = "", sizes = "[]", options = "{}", wrap = "false"] = process.argv.slice(2);
const report = { ...silentReport, begin: () => process.stdout.write("began\n") };
const guest = await stagingFixture({ sizes: JSON.parse(sizes) as number[], folder, report, wrap: wrap === "true" });
const parsed = JSON.parse(options) as { passes: number; bwlimit: number; quiesced?: boolean };
if (parsed.quiesced) await runFinalPass({ ...guest.context, options: parsed, quiesced: true });
else await stageGuest({ ...guest.context, options: parsed });
