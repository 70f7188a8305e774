// Stages one pass with the built rehome, in a process of its own: what bench/index.ts says on standard input.
import { readFile } from "node:fs/promises";
import { connectSsh } from "../../dist/lib/host/ssh/index.js";
import { silentReport } from "../../dist/lib/report.js";
import { guestStore } from "../../dist/migrators/guest-store.js";
import { stageGuest } from "../../dist/migrators/staging/index.js";

const { plan, machine, stateFolder, target } = JSON.parse(await readFile(process.argv[2], "utf8"));
await stageGuest({
  plan,
  machine,
  store: guestStore(stateFolder, plan.name),
  connect: () => connectSsh(target),
  report: silentReport,
  options: { passes: 1 },
});
