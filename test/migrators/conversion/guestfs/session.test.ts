import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import fc from "fast-check";
import { localHost } from "../../../../src/lib/host/local-host.js";
import type { Host } from "../../../../src/lib/host/types.js";
import { guestfishLine, guestfishList } from "../../../../src/migrators/conversion/guestfs/quote.js";
import { GuestfishError, startGuestfish } from "../../../../src/migrators/conversion/guestfs/session.js";

/** Runs another program in guestfish's place. */
function instead(...argv: string[]): Host {
  const host = localHost();
  return { ...host, start: (_, options) => host.start(argv, options) };
}

describe("guestfish's language", () => {
  it("has no byte of a name in it that could end an argument or a line", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 1000 }), (bytes) => {
        const name = Buffer.from(bytes);
        if (name.includes(0)) {
          assert.throws(() => guestfishLine("rm", [name]), { code: "conversion-failed" });
          return;
        }
        const line = guestfishLine("rm", [name]);
        const [, quoted = ""] = /^rm "((?:[A-Za-z0-9_./=-]|\\x[0-9a-f]{2})*)"$/.exec(line) ?? assert.fail(line);
        const read = quoted.replace(/\\x(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
        assert.ok(Buffer.from(read, "latin1").equals(name));
      }),
    );
  });

  it("has no line that is longer than guestfish reads, which would be two", () => {
    assert.throws(() => guestfishLine("rm", [`/${"\n".repeat(2000)}`]), { code: "conversion-failed" });
  });

  it("has only plain words in lists", () => {
    assert.equal(guestfishList(["a", "/b/c-d_1.2"]), "a /b/c-d_1.2");
    for (const word of ["a b", "", "'", '"', "a\nb", "$(x)"]) {
      assert.throws(() => guestfishList(["a", word]), { code: "conversion-failed" });
    }
  });
});

describe("a guestfish session", function () {
  this.timeout(120_000);

  it("answers each command with its output or its error, also when several are asked at once", async () => {
    const session = await startGuestfish({ host: localHost(), kvm: false });
    try {
      const odd = "line\nbreak \"quoted\" 'x' \\ ä";
      const [first, failed, last] = await Promise.allSettled([
        session.run("echo", [odd]),
        session.run("add", ["/nowhere/at/all\nlibguestfs"]),
        session.run("get-memsize"),
      ]);
      assert.equal(first.status === "fulfilled" && first.value.toString(), `${odd}\n`);
      assert.ok(failed.status === "rejected" && failed.reason instanceof GuestfishError);
      assert.match(failed.reason.reason, /nowhere/);
      assert.ok(last.status === "fulfilled" && /^\d+\n$/.test(last.value.toString()));
      await assert.rejects(session.run("no-such-command"), /unknown command/);
    } finally {
      await session.kill();
    }
  });

  it("ends a guestfish that says nothing in time", async () => {
    const session = await startGuestfish({ host: instead("sleep", "317"), kvm: false });
    await assert.rejects(session.run("run", [], 300), { code: "command-timeout" });
    assert.throws(() => execFileSync("pgrep", ["-x", "-f", "sleep 317"]));
  });

  it("says what guestfish said last when it ends by itself, or is not there", async () => {
    const dying = await startGuestfish({ host: instead("sh", "-c", "echo boom >&2; exit 3"), kvm: false });
    await assert.rejects(dying.run("run"), { code: "appliance-failed", output: "boom" });
    const absent = await startGuestfish({ host: instead("no-such-guestfish"), kvm: false });
    await assert.rejects(absent.run("run"), { message: "guestfish is not installed" });
  });
});
