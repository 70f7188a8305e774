import { strict as assert } from "node:assert";
import { configSchema } from "../../../src/lib/config/schema.js";
import { landingOf } from "../../../src/migrators/landing/landing.js";
import { place } from "../../../src/migrators/landing/placement.js";
import { exampleCluster } from "../../cluster/setup/example.js";

const GIB = 1024 ** 3;

describe("where a guest lands", () => {
  const config = (more: object) => configSchema.parse({ version: 1, ...more });

  it("is the cluster where one is described, unless rehome.yaml says otherwise", () => {
    const cluster = exampleCluster();
    assert.equal(landingOf(config({})).kind, "machine");
    assert.equal(landingOf({ ...config({}), cluster }).kind, "cluster");
    const here = { ...config({ target: { kind: "machine", volumes: "/srv" } }), cluster };
    assert.equal(landingOf(here).volumePath("web1", 0, "vda"), "/srv/web1/vda.raw");
    assert.equal(landingOf({ ...config({}), cluster }).volumePath("web1", 1, "vdb"), "/dev/drbd/by-res/web1/1");
    assert.throws(() => landingOf(config({ target: { kind: "cluster" } })), { code: "cluster-undescribed" });
  });

  it("has the bridge that the cluster has, unless rehome.yaml names one", () => {
    const cluster = { ...exampleCluster(), bridges: ["br7", "br8"] };
    assert.equal(landingOf({ ...config({}), cluster }).bridge, "br7");
    assert.equal(landingOf({ ...config({ target: { bridge: "br8" } }), cluster }).bridge, "br8");
    assert.equal(landingOf(config({})).bridge, "br0");
  });
});

describe("the host that a guest is copied to", () => {
  const alpha = { host: "alpha", free: 10 * GIB };
  const beta = { host: "beta", free: 20 * GIB };

  it("is the one with more free memory, and the first when they hardly differ", () => {
    assert.equal(place([alpha, beta], undefined)?.host, "beta");
    assert.equal(place([alpha, { ...beta, free: 10.5 * GIB }], undefined)?.host, "alpha");
  });

  it("is the one with most room by the limits of the cluster, as long as that can be reached", () => {
    assert.deepEqual(place([alpha, beta], undefined, "alpha"), {
      host: "alpha",
      because: "it has most room for guests",
    });
    assert.equal(place([beta], undefined, "alpha")?.host, "beta");
    assert.equal(place([alpha, beta], "beta", "alpha")?.host, "beta");
  });

  it("stays the same as long as it can be reached", () => {
    assert.equal(place([alpha, beta], "alpha")?.host, "alpha");
    assert.deepEqual(place([beta], "alpha"), { host: "beta", because: "alpha cannot be reached" });
    assert.equal(place([], "alpha"), undefined);
  });
});
