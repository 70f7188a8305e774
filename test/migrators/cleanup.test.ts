import { strict as assert } from "node:assert";
import { stat } from "node:fs/promises";
import { configSchema } from "../../src/lib/config/schema.js";
import { cleanUp } from "../../src/migrators/cleanup.js";
import { trackingOf } from "../../src/migrators/guest-store.js";
import type { GuestSession } from "../../src/migrators/session.js";
import { numbers, random, ServerGuest } from "../helpers/server-guest.js";

describe("what clean-up removes (rule 12)", function () {
  this.timeout(120_000);
  let machine: ServerGuest;
  beforeEach(async () => {
    machine = await ServerGuest.make();
    await machine.stage();
    const snapshot = { uuid: "u", size: 1, tags: "", changed: new Set<number>(), state: "valid" } as const;
    for (const [name, tags] of [
      ["rehome-web1-root-99", ""], // rehome's name alone
      ["rehome-mail-root-1", "rehome,rehome.guest.mail"], // another guest's
      ["before-upgrade", ""],
    ] as const) {
      machine.server.add(name, "linear", numbers(140, 1), { ...snapshot, name, uuid: name }, "root", tags);
    }
    machine.server.add("backups", "linear", numbers(141, 2), undefined, "", "rehome"); // a tag, and no snapshot
  });
  afterEach(() => machine.remove());

  function session(): GuestSession {
    const config = configSchema.parse({
      version: 1,
      sources: { old: { address: "root@192.0.2.10" } },
      guests: { web1: { source: "old" }, mail: { source: "old" } },
    });
    const { store, connect } = machine.guest.context;
    return { guest: "web1", config, guestConfig: config.guests["web1"], store, connect } as unknown as GuestSession;
  }

  it("is what this guest's staging made, by name and tag; what is copied stays, and nothing more is believed", async () => {
    const before = machine.server.volumes.map(({ name }) => name);
    const dry = await cleanUp(session(), { dryRun: true });
    const own = ["vg0/rehome-web1-root-1", "vg0/rehome-web1-data-1"];
    assert.deepEqual(
      dry.removed.map(({ snapshot }) => snapshot),
      own,
    );
    assert.deepEqual(
      machine.server.volumes.map(({ name }) => name),
      before,
      "looking removes nothing",
    );
    const { removed, left } = await cleanUp(session(), { dryRun: false });
    assert.deepEqual(
      removed.map(({ snapshot }) => snapshot),
      own,
    );
    assert.deepEqual(
      left.map(({ snapshot }) => snapshot),
      ["vg0/rehome-web1-root-99"],
    );
    assert.deepEqual(
      machine.server.volumes.map(({ name }) => name),
      before.filter((name) => !own.includes(`vg0/${name}`)),
    );
    assert.equal(trackingOf(await machine.guest.context.store.records()).size, 0);
    assert.ok((await stat(machine.volume)).size > 0, "the copy is still there");
    await machine.server.write("root", 0, random(30, 4096));
    assert.equal((await machine.stage()).tracker, "hash");
    await machine.assertCopy();
  });
});
