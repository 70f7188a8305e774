import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { openQmp, type Qmp, type QmpEvent } from "../../src/lib/qmp.js";

/** QEMU's side of the talk. */
function qemu(answer: (command: string, args: unknown) => string | undefined) {
  const input = new PassThrough();
  const output = new PassThrough();
  output.on("data", (data: Buffer) => {
    for (const line of data.toString().trim().split("\n")) {
      const { execute, arguments: args } = JSON.parse(line) as { execute: string; arguments: unknown };
      const said = execute === "qmp_capabilities" ? '{"return":{}}' : answer(execute, args);
      if (said !== undefined) input.write(`${said}\n`);
    }
  });
  input.write('{"QMP":{"version":{},"capabilities":[]}}\n');
  return { machine: "here", input, output };
}

describe("QEMU's monitor", () => {
  it("answers in order, with events in between", async () => {
    const events: QmpEvent[] = [];
    const ends = qemu((command, args) =>
      command === "now"
        ? `{"event":"RESET","data":{"guest":true}}\n{"return":${JSON.stringify(args)}}`
        : '{"return":1}',
    );
    const qmp = await openQmp({ ...ends, onEvent: (event) => void events.push(event) });
    assert.deepEqual(await Promise.all([qmp.ask("now", { a: 1 }), qmp.ask("other"), qmp.ask("now", { b: 2 })]), [
      { a: 1 },
      1,
      { b: 2 },
    ]);
    assert.deepEqual(events[0], { event: "RESET", data: { guest: true } });
  });

  it("says why it refuses, and goes on", async () => {
    const qmp = await openQmp(qemu((command) => (command === "no" ? '{"error":{"desc":"not now"}}' : '{"return":7}')));
    await assert.rejects(qmp.ask("no"), { code: "command-failed", message: /no: not now/ });
    assert.equal(await qmp.ask("yes"), 7);
  });

  it("says that the connection to it broke, and nothing else happens", async () => {
    const ends = qemu(() => undefined);
    const qmp = await openQmp(ends);
    const asked = qmp.ask("quit");
    ends.input.destroy(new Error("read ECONNRESET"));
    await assert.rejects(asked, { code: "command-failed", message: /read ECONNRESET/ });
    await new Promise((resolve) => setImmediate(resolve)); // an error that nobody hears would end the process
  });

  it("never waits for one that has ended, or says nonsense, or nothing", async () => {
    const ended = qemu(() => undefined);
    const one: Qmp = await openQmp(ended);
    const asked = one.ask("x");
    ended.input.end();
    await assert.rejects(asked, { code: "command-failed", message: /ended/ });
    await assert.rejects(one.ask("y"), { code: "command-failed" });
    const nonsense = await openQmp(qemu(() => "hello"));
    await assert.rejects(nonsense.ask("x"), { message: /it said "hello"/ });
    const silent = await openQmp({ ...qemu(() => undefined), answerMs: 20 });
    await assert.rejects(silent.ask("x"), { code: "command-timeout" });
  });
});
