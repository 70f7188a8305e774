import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { schedule } from "../../../src/cluster/scheduler/index.js";
import { crmSimulate } from "../../helpers/crm-simulate.js";
import { runScenario } from "./scenario.js";

const folder = join(import.meta.dirname, "scenarios");
const names = readdirSync(folder, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/**
 * Each folder: cib.xml, events, and log: what the runtime did when Pacemaker's own scheduler decided. With
 * REHOME_UPDATE_LOGS=1 Debian's crm_simulate decides once more, and the logs are written anew.
 */
describe("runtime scenarios in virtual time", () => {
  for (const name of names) {
    const path = join(folder, name);
    const golden = join(path, "log");
    it(name.replaceAll("-", " "), async () => {
      if (process.env["REHOME_UPDATE_LOGS"] === "1") await writeFile(golden, await runScenario(path, crmSimulate));
      const log = await runScenario(path, schedule);
      const expected = await readFile(golden, "utf8");
      assert.equal(log, expected);
    });
  }
});
