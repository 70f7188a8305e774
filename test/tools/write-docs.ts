/** Writes the pages that are generated from the source; `npm run docs`. */
import { writeFile } from "node:fs/promises";
import { errorsPage } from "../../src/lib/errors-page.js";

await writeFile("docs/errors.md", errorsPage());
