import { readFileSync } from "node:fs";
import { parseXml } from "../../../../../src/lib/xml.js";
import { timeOf } from "../../../../conformance/suite.js";
import { tryMutant } from "./mutate.js";

/** By hand, what is decided differently on CIBs that were kept: `node --import tsx …/mutation/explain.ts FILE …`. */
for (const file of process.argv.slice(2)) {
  const cib = parseXml(readFileSync(file, "utf8"), file);
  const tried = await tryMutant({ name: file, cib, now: timeOf({ at: null }, cib) });
  console.log(`${file}: ${tried === undefined ? "refused" : JSON.stringify(tried.levels)}`);
  for (const line of tried?.lines ?? []) console.log(`  ${line}`);
}
