import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runOnFile } from "../../../src/lib/host/on-file.js";

describe("a program that wants its input in a file", () => {
  const host = localHost("here");
  const TELL = ["sh", "-c", 'stat -c %a "${1%/*}"; echo "$1"; cat "$1"; echo words >&2; exit 3', "sh"];

  it("gets it, in a folder that nobody else can enter, and leaves nothing", async () => {
    const text = `${"x".repeat(300_000)}\n$(reboot) 'quoted'\n`;
    const result = await runOnFile(host, TELL, text);
    const [mode, path = "", ...lines] = result.stdout.split("\n");
    assert.deepEqual([mode, result.exitCode, result.stderr], ["700", 3, "words\n"]);
    assert.equal(lines.join("\n"), text);
    assert.equal(result.argv, TELL);
    assert.equal(existsSync(path), false);
  });

  it("is known to be missing", async () => {
    assert.equal((await runOnFile(host, ["no-such-program-here"], "")).exitCode, 127);
  });

  it("is not run when the file cannot be written", async () => {
    const env = { TMPDIR: "/no/such/folder" };
    await assert.rejects(runOnFile(host, ["true"], "text", { env }), {
      code: "file-unwritable",
      where: { machine: "here" },
      message: /for true: mktemp: /,
    });
  });
});
