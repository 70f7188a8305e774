import { dirname } from "node:path";
import { asRehomeError, formatError } from "../../../src/lib/errors.js";
import { formatDuration } from "../../../src/lib/units.js";
import { LEDGER_PORT } from "../../helpers/server-image.js";
import { XEN_GUESTS } from "../../lab/images/xen.js";
import { HOSTS } from "../../lab/tests/cluster/configuration.js";
import { ClusterLab } from "../../lab/tests/cluster/finished.js";
import { Move } from "../../lab/tests/cluster/move.js";
import { Checks } from "../checks.js";
import { Client } from "../client.js";
import { Rehome } from "../rehome.js";
import { say } from "../say.js";

const ANSWER_MS = 20 * 60_000;

/** From three bare machines and a Xen host to two guests that outlive their host, with the commands that one types. */
async function play(): Promise<number> {
  const checks = new Checks();
  say("switching on: two hosts, a tie-breaker, a Xen host with two guests");
  const cluster = await ClusterLab.open(say);
  const move = await Move.ofDomains(cluster, cluster.config);
  const rehome = new Rehome(dirname(move.config));
  const clients = new Map(XEN_GUESTS.map(({ name, address }) => [name, new Client(address, LEDGER_PORT)]));
  for (const client of clients.values()) await client.nextAfter(0, ANSWER_MS);
  say("a client takes numbers from each of the guests, which are on disk before they are given out");

  await rehome.must("cluster", "init");
  for (const host of HOSTS) await rehome.must("cluster", "fence-test", host, "--yes");
  for (const host of HOSTS) await cluster.machine(host).waitForSsh(ANSWER_MS); // it was switched off meanwhile
  await rehome.must("plan");
  for (const name of clients.keys()) await rehome.must("stage", name);
  await rehome.must("status");
  for (const [name, client] of clients) {
    const cutoverAt = Date.now();
    await rehome.must("cutover", name);
    await client.nextAfter(Date.now(), ANSWER_MS);
    const outage = client.longestOutage(cutoverAt);
    if (outage !== undefined) say(`the client of ${name} waited ${formatDuration(outage.durationMs)}`);
  }
  await rehome.must("cluster", "status");
  await rehome.must("volume", "list");

  const [[name, client] = ["", undefined]] = clients;
  const [host = "no host"] = await cluster.hostsOf(name);
  const cutAt = Date.now();
  say(`cutting the power of ${host}, which runs ${name}`);
  await cluster.machine(host).cutPower();
  const { at } = (await client?.nextAfter(cutAt + 5000, ANSWER_MS)) ?? { at: Number.NaN };
  const other = HOSTS.find((each) => each !== host) ?? "no host";
  checks.check(`${name} answers on ${other} ${formatDuration(at - cutAt)} later`, await cluster.runs(other, name));
  await cluster.machine(host).waitForSsh(ANSWER_MS);
  await rehome.must("cluster", "status");
  for (const [guest, { acknowledged }] of clients) {
    const inOrder = acknowledged.every(({ number }, index) => number > (acknowledged[index - 1]?.number ?? 0));
    checks.check(`of ${acknowledged.length} numbers of ${guest} none was lost and none given out twice`, inOrder);
  }
  for (const each of clients.values()) await each.stop();
  await cluster.close();
  process.stdout.write(`${checks.summary()}\n`);
  return checks.failed === 0 ? 0 : 1;
}

try {
  process.exitCode = await play();
} catch (error) {
  process.stderr.write(`demo: ${formatError(asRehomeError(error))}\n`);
  process.stdout.write("0 passed, 1 failed\n");
  process.exitCode = 1;
}
process.exit();
