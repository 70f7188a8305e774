import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { findResource } from "../../../src/cluster/cib/edit.js";
import { addGuest, type GuestRequest } from "../../../src/cluster/replicated-guest/index.js";
import type { ClusterSession } from "../../../src/cluster/setup/session.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { silentReport } from "../../../src/lib/report.js";
import { parseXml, writeXml, type XmlElement } from "../../../src/lib/xml.js";
import { DOMAIN, guestWorld, type World } from "./world.js";

const REQUEST: GuestRequest = { name: "web1", xml: () => DOMAIN, source: "web1.xml", volume: "web1", start: true };
const OPTIONS = { report: silentReport };

function cibOf({ cib }: World): XmlElement {
  return parseXml(readFileSync(cib, "utf8"), cib);
}

describe("registering a guest while others work", () => {
  let world: World;
  const begin = (...parameters: Parameters<typeof guestWorld>): World => (world = guestWorld(...parameters));
  afterEach(() => world.end());

  /** Something happens right before the cluster is changed. */
  function meanwhile(happens: () => void): ClusterSession {
    const { session, alpha } = world;
    let isLeft = true;
    alpha.before = (argv) => {
      if (!isLeft || argv[2]?.includes("cibadmin --patch") !== true) return;
      isLeft = false;
      happens();
    };
    return session;
  }

  /** An administrator changes the cluster meanwhile, with `crm_attribute` and these words. */
  function changed(...words: readonly string[]): ClusterSession {
    const env = { ...process.env, CIB_file: world.cib };
    return meanwhile(() => execFileSync("crm_attribute", words, { env, stdio: "pipe" }));
  }
  const verified = (): number => world.alpha.asked.filter((asked) => asked.startsWith("crm_verify")).length;

  it("is planned anew when somebody changes the cluster's configuration meanwhile, and keeps that change", async () => {
    begin();
    const session = changed("--type", "crm_config", "--name", "stop-all-resources", "--update", "true");
    await addGuest(session, REQUEST, OPTIONS);
    assert.equal(verified(), 2);
    const config = writeXml(cibOf(world));
    assert.match(config, /name="stop-all-resources"/);
    assert.match(config, /<primitive id="web1"/);
  });

  it("is registered at once when only the status became another meanwhile", async () => {
    begin();
    await addGuest(changed("--type", "status", "--node", "beta", "--name", "pingd", "--update", "7"), REQUEST, OPTIONS);
    assert.equal(verified(), 1);
    assert.match(writeXml(cibOf(world)), /<primitive id="web1"/);
    assert.match(writeXml(cibOf(world)), /name="pingd" value="7"/);
  });

  it("is not made known to the cluster before the volume was let go of, and by nobody when that fails", async () => {
    const { session } = begin();
    const release = (): Promise<void> => Promise.reject(new RehomeError("volume-busy", "somebody has it open"));
    await assert.rejects(addGuest(session, { ...REQUEST, release }, OPTIONS), { code: "volume-busy" });
    assert.equal(findResource(cibOf(world), "web1"), undefined);
    assert.equal(world.alpha.fake.files.size, 0);
  });

  it("is not made known to a cluster without quorum when rehome had the volume", async () => {
    const { session } = begin((cib) => ({ ...cib, attributes: { ...cib.attributes, "have-quorum": "0" } }));
    const release = (): Promise<void> => Promise.resolve();
    await assert.rejects(addGuest(session, { ...REQUEST, release }, OPTIONS), { code: "no-quorum" });
    assert.equal(world.alpha.fake.files.size, 0);
  });

  it("is not made known to a part of the cluster that lost its quorum meanwhile", async () => {
    begin();
    const session = meanwhile(() => {
      const cib = cibOf(world);
      const updates = Number(cib.attributes["num_updates"]) + 1;
      const attributes = { ...cib.attributes, "have-quorum": "0", num_updates: `${updates}` };
      writeFileSync(world.cib, writeXml({ ...cib, attributes }));
    });
    await assert.rejects(addGuest(session, REQUEST, OPTIONS), { code: "no-quorum" });
    assert.equal(findResource(cibOf(world), "web1"), undefined);
  });
});
