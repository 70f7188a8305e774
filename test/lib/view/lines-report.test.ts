import assert from "node:assert/strict";
import { linesReport } from "../../../src/lib/view/lines-report.js";
import { table } from "../../../src/lib/view/table.js";

describe("progress as plain lines", () => {
  it("prints the beginning, progress at most every five seconds, and the end with its duration", () => {
    const lines: string[] = [];
    let now = 0;
    const report = linesReport(
      (line) => lines.push(line),
      () => now,
    );
    report.begin({ id: "sda", title: "copy sda" });
    for (now = 0; now <= 12_000; now += 1000) {
      report.progress("sda", {
        doneBytes: now * 1024,
        totalBytes: 12_000 * 1024,
        rate: 1024 * 1024,
        etaMs: 12_000 - now,
      });
    }
    report.end("sda", { state: "done", detail: "11.7 MiB" });
    assert.deepEqual(lines, [
      "copy sda …",
      "copy sda:  41 %  4.88 MiB of 11.7 MiB  1.00 MiB/s  about 7.0 s left",
      "copy sda:  83 %  9.77 MiB of 11.7 MiB  1.00 MiB/s  about 2.0 s left",
      "copy sda: done in 13.0 s: 11.7 MiB",
    ]);
  });
});

describe("tables", () => {
  it("pads, right-aligns and wraps the last column at 80 columns", () => {
    const lines = table(["disk", "size", "what"], [["sda", "2 GiB", "word ".repeat(20).trim()]], { right: [1] });
    assert.equal(lines[0], "disk   size  what");
    assert.ok(lines.every((line) => line.length <= 80));
    assert.equal(lines.length, 3);
    assert.ok(lines[2]?.startsWith("             word"));
  });
});
