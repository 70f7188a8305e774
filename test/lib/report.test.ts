import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { formatError, RehomeError } from "../../src/lib/errors.js";
import { printable } from "../../src/lib/printable.js";
import { createReport } from "../../src/lib/view/reports.js";
import { labelled, reported, silentReport } from "../../src/lib/report.js";

describe("a report of several pieces of work at once", () => {
  it("says whose each task and note is, and keeps their ids apart", async () => {
    const said: string[] = [];
    const report = {
      ...silentReport,
      begin: ({ id, title, parent }: { id: string; title: string; parent?: string }) =>
        void said.push(`begin ${id} of ${parent ?? "none"}: ${title}`),
      end: (id: string) => void said.push(`end ${id}`),
      note: ({ text }: { text: string }) => void said.push(text),
    };
    const [web1, db1] = [labelled(report, "web1"), labelled(report, "db1")];
    await reported(web1, { id: "pass", title: "copy" }, async () => {
      await reported(db1, { id: "pass", title: "copy", parent: "all" }, () => Promise.resolve());
    });
    web1.note({ severity: "info", text: "done" });
    assert.deepEqual(said, [
      "begin web1 pass of none: web1: copy",
      "begin db1 pass of db1 all: db1: copy",
      "end db1 pass",
      "end web1 pass",
      "web1: done",
    ]);
  });
});

describe("what other machines and guests wrote", () => {
  const CODE = "Debian\u001b[2J\u009b1m \u0007ü";

  it("does not act on the terminal that shows it", async () => {
    assert.equal(printable(CODE), "Debian?[2J?1m ?ü");
    assert.equal(printable("a\tb\r\nc\r\ufffe"), "a\tb\nc??");
    assert.equal(
      formatError(new RehomeError("internal", CODE, { output: `x\n${CODE}` })).match(/[\u001b\u009b]/),
      null,
    );
    const out = new PassThrough();
    const report = createReport("lines", out as unknown as NodeJS.WriteStream);
    await reported(
      report,
      { id: "a", title: CODE },
      () => Promise.resolve(CODE),
      (text) => text,
    );
    report.note({ severity: "info", text: CODE });
    const said = String(out.read());
    assert.equal(said.split("Debian?[2J?1m ?ü").length, 5);
    assert.equal(said.match(/[\u001b\u009b\u0007]/), null);
  });
});
