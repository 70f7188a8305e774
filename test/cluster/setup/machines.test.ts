import assert from "node:assert/strict";
import { impatient } from "../../../src/cluster/setup/machines.js";
import { RehomeError } from "../../../src/lib/errors.js";
import { FakeHost } from "../../helpers/fake-host.js";
import { exampleCluster } from "./example.js";

describe("a machine of the cluster that does not answer", () => {
  it("is not waited for as long again, until it answers", async () => {
    const dials: (number | undefined)[] = [];
    let error: RehomeError | undefined = new RehomeError("host-unreachable", "no answer within 15 s");
    const connect = impatient((_, name, { dialTimeoutMs }) => {
      dials.push(dialTimeoutMs);
      return error === undefined ? Promise.resolve(new FakeHost(name)) : Promise.reject(error);
    });
    const ask = (name = "beta"): Promise<unknown> =>
      connect(exampleCluster(), name, { acceptNewHostKey: false }).catch((thrown: unknown) => {
        assert.equal(thrown, error);
      });
    await ask();
    await ask();
    await ask("alpha");
    error = undefined;
    await ask();
    await ask();
    assert.deepEqual(dials, [undefined, 1500, undefined, 1500, undefined]);
    error = new RehomeError("auth-failed", "refused");
    await ask();
    await ask();
    assert.deepEqual(dials.slice(-2), [undefined, undefined], "one that refuses us is there");
  });
});
