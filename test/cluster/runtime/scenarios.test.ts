import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { runScenario } from "./scenario.js";
import { crmSimulate } from "../../helpers/crm-simulate.js";

const folder = join(import.meta.dirname, "scenarios");

/** Each folder: cib.xml, events, and log, which REHOME_UPDATE_LOGS=1 writes anew. */
describe("runtime scenarios in virtual time", () => {
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    it(entry.name.replaceAll("-", " "), async () => {
      const path = join(folder, entry.name);
      const log = await runScenario(path, crmSimulate);
      const golden = join(path, "log");
      if (process.env["REHOME_UPDATE_LOGS"] === "1") await writeFile(golden, log);
      assert.equal(log, await readFile(golden, "utf8"));
    });
  }
});
