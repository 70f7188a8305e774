import assert from "node:assert/strict";
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
