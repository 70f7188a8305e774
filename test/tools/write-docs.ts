/** Writes the pages that are generated from the source; `npm run docs`. */
import { writeFile } from "node:fs/promises";
import { clusterConcernsPage } from "../../src/cluster/setup/concerns.js";
import { renderConfigSchema } from "../../src/lib/config/json-schema.js";
import { errorsPage } from "../../src/lib/errors-page.js";
import { concernsPage } from "../../src/migrators/plan/concerns.js";

await writeFile("docs/errors.md", errorsPage());
await writeFile("docs/schema/rehome.schema.json", renderConfigSchema());
await writeFile("docs/concerns.md", concernsPage());
await writeFile("docs/cluster-concerns.md", clusterConcernsPage());
