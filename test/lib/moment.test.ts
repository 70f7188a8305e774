import assert from "node:assert/strict";
import { formatMoment, parseMoment } from "../../src/lib/moment.js";

describe("a moment that somebody names", () => {
  const zone = process.env["TZ"];
  before(() => {
    process.env["TZ"] = "Europe/Berlin";
  });
  after(() => {
    if (zone === undefined) delete process.env["TZ"];
    else process.env["TZ"] = zone;
  });
  const utc = (text: string): number => Date.parse(`${text}Z`);
  const read = (text: string, now: string): string =>
    new Date(parseMoment(text, utc(now)).at).toISOString().slice(0, 16);

  it("is the next time that the clock shows it, in local time", () => {
    assert.equal(read("02:30", "2026-11-23T20:00"), "2026-11-24T01:30");
    assert.equal(read("2:30", "2026-11-24T01:00"), "2026-11-24T01:30");
    assert.equal(read("02:30", "2026-11-24T01:30"), "2026-11-25T01:30");
    assert.equal(read("00:00", "2026-12-31T12:00"), "2026-12-31T23:00");
    assert.equal(read("23:59", "2026-07-01T12:00"), "2026-07-01T21:59");
  });

  it("may be a date, with or without an offset", () => {
    assert.equal(read("2026-11-28T02:30", "2026-11-23T20:00"), "2026-11-28T01:30");
    assert.equal(read("2026-07-01 02:30:00", "2026-06-23T20:00"), "2026-07-01T00:30");
    assert.equal(read("2026-11-28T02:30Z", "2026-11-23T20:00"), "2026-11-28T02:30");
    assert.equal(read("2026-11-28T02:30-03:30", "2026-11-23T20:00"), "2026-11-28T06:00");
    assert.throws(() => parseMoment("2026-11-22T02:30", utc("2026-11-23T20:00")), {
      code: "usage",
      message: /has passed/,
    });
  });

  it("that a night lacks is the first one after the clocks went forward", () => {
    const { at, note } = parseMoment("02:30", utc("2027-03-27T20:00"));
    assert.equal(new Date(at).toISOString(), "2027-03-28T01:00:00.000Z");
    assert.equal(formatMoment(at), "2027-03-28 03:00");
    assert.match(note ?? "", /forward over 02:30 in that night: 03:00/);
    assert.equal(read("2027-03-28T02:00", "2027-03-27T20:00"), "2027-03-28T01:00");
    assert.equal(read("03:00", "2027-03-27T20:00"), "2027-03-28T01:00");
    assert.equal(parseMoment("03:00", utc("2027-03-27T20:00")).note, undefined);
    assert.equal(read("02:30", "2027-03-28T02:00"), "2027-03-29T00:30");
  });

  it("that a night has twice is the next of the two", () => {
    assert.equal(read("02:30", "2026-10-24T20:00"), "2026-10-25T00:30");
    assert.equal(read("02:30", "2026-10-25T00:45"), "2026-10-25T01:30");
    assert.equal(read("02:30", "2026-10-25T01:45"), "2026-10-26T01:30");
  });

  it("is refused where it is none", () => {
    const wrong = [
      "",
      "soon",
      "2:3",
      "24:00",
      "02:60",
      "02:30Z",
      "2026-02-30T02:30",
      "2026-13-01T02:30",
      "tomorrow 02:30",
    ];
    for (const text of [...wrong, "02:30:15", "2026-11-28"]) {
      assert.throws(() => parseMoment(text, utc("2026-01-01T00:00")), { code: "usage", remedy: /02:30/ }, text);
    }
  });
});
