import assert from "node:assert/strict";
import { endDomain } from "../../../src/cluster/libvirt/end-domain.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { silentReport, type Report } from "../../../src/lib/report.js";
import { giveUp } from "../../../src/migrators/cutover/home/give-up.js";
import { FakeHost } from "../../helpers/fake-host.js";

describe("a guest that is given up on the way back", () => {
  let notes: string[];
  let report: Report;
  beforeEach(() => {
    notes = [];
    report = { ...silentReport, note: ({ text }) => void notes.push(text) };
  });

  it("is not ended when it shuts down by itself", async () => {
    const end = (): Promise<boolean> => Promise.reject(new Error("it was ended"));
    await giveUp("web1", { stop: () => Promise.resolve(), end }, report, 5000);
    assert.deepEqual(notes, []);
  });

  it("is ended when it does not shut down in time, which ends the waiting, and it is said", async () => {
    let shutDown = (): void => undefined;
    const stop = (): Promise<void> => new Promise((resolve) => (shutDown = resolve));
    const end = (): Promise<boolean> => {
      shutDown();
      return Promise.resolve(true);
    };
    await giveUp("web1", { stop, end }, report, 20);
    assert.match(notes.join("\n"), /^web1 did not shut down within .*: it was ended as by a power cut$/);
  });

  it("is waited for all the same when it could not be ended, and that is said", async () => {
    let shutDown = (): void => undefined;
    const stop = (): Promise<void> => new Promise((resolve) => (shutDown = resolve));
    const end = (): Promise<boolean> => {
      setTimeout(shutDown, 20);
      return Promise.reject(new RehomeError("command-failed", "virsh ended with 1"));
    };
    await giveUp("web1", { stop, end }, report, 20);
    assert.match(notes.join("\n"), /could not be ended: virsh ended with 1/);
  });

  it("is not taken for stopped when the cluster could not stop it", async () => {
    const failed = new RehomeError("resource-failed", "stop: timeout");
    const end = (): Promise<boolean> => Promise.resolve(true);
    const late = (): Promise<void> => new Promise((_, reject) => setTimeout(() => reject(failed), 40));
    await assert.rejects(giveUp("web1", { stop: late, end }, report, 20), failed);
    await assert.rejects(giveUp("web1", { stop: () => Promise.reject(failed), end }, report, 5000), failed);
  });

  it("is ended only where libvirt runs it, by its whole name", async () => {
    const host = new FakeHost("alpha")
      .on(/^virsh .* list --name$/, "web1\ndb1\n\n")
      .on(/^virsh .* destroy --domain web1$/, "");
    assert.equal(await endDomain(host, "qemu:///system", "web"), false);
    assert.equal(await endDomain(host, "qemu:///system", "web1"), true);
    assert.deepEqual(
      host.commandLines.filter((line) => line.includes("destroy")),
      ["virsh --quiet --connect qemu:///system destroy --domain web1"],
    );
  });
});
