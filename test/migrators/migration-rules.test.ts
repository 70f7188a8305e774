import { strict as assert } from "node:assert";
import { readFile } from "node:fs/promises";
import { CUTOVER_STEPS } from "../../src/migrators/cutover/index.js";

const RULES = 13;

/** The order of the cutover, as far as the rules need it. */
function assertOrder(...names: readonly string[]): void {
  const steps = CUTOVER_STEPS.map(({ name }) => name);
  const places = names.map((name) => steps.indexOf(name));
  assert.ok(!places.includes(-1), `${names.join(", ")} are not all in ${steps.join(", ")}`);
  assert.deepEqual(
    places,
    places.toSorted((one, other) => one - other),
    steps.join(", "),
  );
}

describe("the cutover's order", () => {
  it("proves the copy after the last pass, and before it is converted (rule 10)", () => {
    assertOrder("quiesce", "final-pass", "verify", "convert", "write-conversion");
  });

  it("has the source off before the guest may start (rule 13)", () => {
    assertOrder("source-off", "register", "start");
    assertOrder("source-off", "write-conversion");
  });
});

describe("docs/migration-rules.md", () => {
  it("names a test for every rule, and each test is there", async () => {
    const text = await readFile("docs/migration-rules.md", "utf8");
    const rows = text.split("\n").flatMap((line) => {
      const [, rule = "", file = "", title = ""] = line.split("|").map((cell) => cell.trim());
      return file.startsWith("test/") ? [{ rule, file, title }] : [];
    });
    const numbers = rows.flatMap(({ rule }) => (rule === "" ? [] : [Number.parseInt(rule, 10)]));
    assert.deepEqual(
      numbers,
      Array.from({ length: RULES }, (_, index) => index + 1),
    );
    for (const { file, title } of rows) {
      const source = await readFile(file, "utf8");
      assert.ok(title !== "" && source.includes(title), `${file} has no "${title}"`);
    }
  });
});
