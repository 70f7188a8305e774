// One pass with the built rehome, in a process of its own; the other programs do not read back what they wrote either.
// Argument: a file with the job, as bench/programs.ts writes it.
import { readFile } from "node:fs/promises";
import { connectSsh } from "../../dist/lib/host/ssh/index.js";
import { silentReport } from "../../dist/lib/report.js";
import { guestStore } from "../../dist/migrators/guest-store.js";
import { runFinalPass } from "../../dist/migrators/staging/index.js";

const { plan, machine, stateFolder, target } = JSON.parse(await readFile(process.argv[2], "utf8"));
await runFinalPass({
  plan,
  machine,
  store: guestStore(stateFolder, plan.name),
  connect: () => connectSsh(target),
  report: silentReport,
  options: {},
  quiesced: true,
});
