import assert from "node:assert/strict";
import { decide, done, primitive } from "./two-nodes.js";

function lose(policy: string, ticket: string): readonly string[] {
  const constraints = `<rsc_ticket id="t" rsc="a" ticket="T" loss-policy="${policy}"/>`;
  return done(decide({ resources: primitive("a"), constraints, tickets: ticket, running: ["a"], fencing: true }));
}

const REVOKED = `<ticket_state id="T" granted="false"/>`;
const GRANTED = `<ticket_state id="T" granted="true"/>`;
const STANDBY = `<ticket_state id="T" granted="true" standby="true"/>`;

describe("tickets", () => {
  it("leaves alone what runs with its ticket", () => {
    assert.deepEqual(lose("fence", GRANTED), []);
  });

  it("does with what lost its ticket as the loss policy says", () => {
    assert.deepEqual(lose("stop", REVOKED), ["stop a n1"]);
    assert.deepEqual(lose("demote", REVOKED), ["stop a n1"]);
    assert.deepEqual(lose("freeze", REVOKED), []);
    assert.deepEqual(lose("fence", REVOKED), ["stonith n1"]);
  });

  it("stops in good order when the ticket is in standby, whatever the loss policy", () => {
    assert.deepEqual(lose("fence", STANDBY), ["stop a n1"]);
    assert.deepEqual(lose("freeze", STANDBY), ["stop a n1"]);
  });

  it("does not start without a ticket that was never granted", () => {
    const constraints = `<rsc_ticket id="t" rsc="a" ticket="T" loss-policy="stop"/>`;
    assert.deepEqual(done(decide({ resources: primitive("a"), constraints, running: [] })), []);
    const granted = decide({ resources: primitive("a"), constraints, tickets: GRANTED, running: [] });
    assert.deepEqual(done(granted), ["start a n1"]);
  });
});
