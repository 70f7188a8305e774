import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localHost } from "./host/local-host.js";

/** The difference between two texts, as diff -u prints it; empty when there is none. */
export async function unifiedDiff(
  before: { readonly label: string; readonly text: string },
  after: { readonly label: string; readonly text: string },
): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "rehome-diff-"));
  try {
    const [old, next] = [join(folder, "before"), join(folder, "after")];
    await writeFile(old, before.text, { mode: 0o600 });
    await writeFile(next, after.text, { mode: 0o600 });
    const result = await localHost().run(["diff", "-u", "--label", before.label, "--label", after.label, old, next]);
    return result.stdout;
  } finally {
    await rm(folder, { recursive: true });
  }
}
