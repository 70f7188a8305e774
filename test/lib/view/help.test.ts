import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Config, loadHelpClass, settings } from "@oclif/core";
import { captureOutput } from "@oclif/test";
import { filled } from "../../../src/lib/view/help.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));

describe("help", () => {
  let config: Config;
  const transpiles = settings.enableAutoTranspile;
  before(async () => {
    settings.enableAutoTranspile = true; // from the source: there may be no build
    config = await Config.load(ROOT);
  });
  after(() => void (settings.enableAutoTranspile = transpiles));

  async function helpOn(...words: readonly string[]): Promise<string> {
    const Help = await loadHelpClass(config);
    const { stdout, error } = await captureOutput(() => new Help(config, { maxWidth: 80 }).showHelp([...words]));
    assert.equal(error, undefined);
    return stdout;
  }

  it("fits 80 columns, whatever it is on", async function () {
    this.timeout(60_000);
    const topics = config.topics.map(({ name }) => name);
    const subjects = ["", ...topics, ...config.commandIDs];
    assert.ok(subjects.length > 40, "commands are missing");
    const long: string[] = [];
    for (const subject of subjects) {
      const text = await helpOn(...subject.split(":").filter((word) => word !== ""));
      assert.match(text, /^USAGE$/m, subject);
      long.push(...text.split("\n").filter((line) => line.length > 80));
    }
    assert.deepEqual(long, []);
  });

  it("fills its lines, however long those of the source are", async () => {
    const [, description = ""] = /^DESCRIPTION\n([^]*?)\n\n[A-Z]/m.exec(await helpOn("cutover")) ?? [];
    for (const paragraph of description.split("\n\n")) {
      const lines = paragraph.split("\n");
      for (const [index, line] of lines.entries()) {
        const [next = ""] = lines[index + 1]?.trim().split(" ") ?? [];
        if (next !== "") assert.ok(line.length + 1 + next.length > 80, `broken early: ${line}`);
      }
    }
    assert.ok(description.split("\n\n").length > 4);
  });

  it("leaves paragraphs and indented lines as they are", () => {
    assert.equal(filled("one\ntwo\n\nthree\n  a\n  b\nfour"), "one two\n\nthree\n  a\n  b\nfour");
  });
});
