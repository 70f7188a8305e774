import assert from "node:assert/strict";
import { createServer as createHttp } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { localHost } from "../../../src/lib/host/local-host.js";
import { probeTcp } from "../../../src/lib/probe-tcp.js";
import { splitEndpoint, tryCheck, waitForChecks } from "../../../src/migrators/cutover/checks.js";

function listen(server: Server): Promise<number> {
  return new Promise((resolve) => {
    server.listen(0, "127.0.0.1", () => resolve((server.address() as AddressInfo).port));
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

describe("checks of a guest", () => {
  it("tell an open port from a closed one", async () => {
    const server = createServer();
    const port = await listen(server);
    assert.equal(await probeTcp("127.0.0.1", port, 1000), "open");
    await close(server);
    assert.equal(await probeTcp("127.0.0.1", port, 1000), "refused");
    assert.equal(await tryCheck({ tcp: `127.0.0.1:${port}` }, localHost()), "the port is closed");
  });

  it("take an HTTP status below 400 as an answer", async () => {
    let status = 503;
    const server = createHttp((_request, response) => response.writeHead(status).end());
    const port = await listen(server);
    try {
      assert.equal(await tryCheck({ http: `http://127.0.0.1:${port}/` }, localHost()), "status 503");
      status = 204;
      assert.equal(await tryCheck({ http: `http://127.0.0.1:${port}/` }, localHost()), undefined);
    } finally {
      await close(server);
    }
  });

  it("wait until all answer, and name those that do not in time", async () => {
    const server = createServer();
    const port = await listen(server);
    const closed = createServer();
    const closedPort = await listen(closed);
    await close(closed);
    try {
      await waitForChecks([{ tcp: `127.0.0.1:${port}` }], localHost(), { timeoutMs: 100 });
      await assert.rejects(
        waitForChecks([{ tcp: `127.0.0.1:${port}` }, { tcp: `127.0.0.1:${closedPort}` }], localHost(), {
          timeoutMs: 0,
        }),
        { code: "guest-silent", message: `no answer within 0 s: tcp 127.0.0.1:${closedPort} (the port is closed)` },
      );
    } finally {
      await close(server);
    }
  });

  it("are waited for as long as was said also when the clock is set", async () => {
    const server = createServer();
    const port = await listen(server);
    await close(server);
    const now = Date.now;
    const waiting = waitForChecks([{ tcp: `127.0.0.1:${port}` }], localHost(), { timeoutMs: 30_000 });
    const later = createServer();
    Date.now = () => now() + 3_600_000;
    try {
      await new Promise<void>((resolve) => setTimeout(() => later.listen(port, "127.0.0.1", resolve), 300));
      await waiting;
    } finally {
      Date.now = now;
      await close(later);
    }
  });

  it("stop waiting when they are told to", async () => {
    const aborted = AbortSignal.abort(new Error("enough"));
    const check = { tcp: "127.0.0.1:1" };
    await assert.rejects(waitForChecks([check], localHost(), { timeoutMs: 60_000, signal: aborted }), /enough/);
  });

  it("read host:port, also of IPv6", () => {
    assert.deepEqual(splitEndpoint("web1:22"), { host: "web1", port: 22 });
    assert.deepEqual(splitEndpoint("[2001:db8::1]:22"), { host: "2001:db8::1", port: 22 });
    for (const bad of ["web1", "web1:0", "web1:70000", "a:b:1", ":22"]) {
      assert.throws(() => splitEndpoint(bad), { code: "config-invalid" });
    }
  });
});
