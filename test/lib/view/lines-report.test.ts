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

  it("prints less often the longer it takes, and how far a part is not beside the whole", () => {
    const lines: string[] = [];
    let now = 0;
    const report = linesReport(
      (line) => lines.push(line),
      () => now,
    );
    const hours = 3 * 3_600_000;
    report.begin({ id: "pass", title: "pass 1" });
    report.begin({ id: "sda", title: "copy sda", parent: "pass" });
    for (now = 0; now <= hours; now += 1000) {
      for (const id of ["pass", "sda"]) report.progress(id, { doneBytes: now, totalBytes: hours, rate: 1000 });
    }
    report.end("sda", { state: "done" });
    report.end("pass", { state: "done" });
    report.begin({ id: "verify", title: "verify" });
    report.begin({ id: "sdb", title: "verify sdb", parent: "verify" });
    now += 6000;
    report.progress("sdb", { doneBytes: 1, totalBytes: 2, rate: 1 });
    assert.match(lines.at(-1) ?? "", /^verify sdb:  50 %/);
    assert.deepEqual(
      lines.filter((line) => line.startsWith("copy sda")),
      ["copy sda …", "copy sda: done in 3 h 00 min"],
    );
    const told = lines.filter((line) => line.startsWith("pass 1: ")).length;
    assert.ok(told > 50 && told < 150, `${told} lines`);
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
