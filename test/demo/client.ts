import { createConnection } from "node:net";

/** A number that the server said was on its disk, and when the client heard so. */
export interface Acknowledged {
  readonly number: number;
  readonly at: number;
}

export interface Outage {
  readonly before: Acknowledged;
  readonly after: Acknowledged;
  readonly durationMs: number;
}

const PAUSE_MS = 50;
const ANSWER_MS = 2000;

/** A client of the ledger service: one request after the other, for ever, whatever happens to the server. */
export class Client {
  readonly acknowledged: Acknowledged[] = [];
  #running = true;
  readonly #loop: Promise<void>;

  constructor(address: string, port: number) {
    this.#loop = this.#run(address, port);
  }

  get last(): Acknowledged | undefined {
    return this.acknowledged.at(-1);
  }

  /** The first number acknowledged after a moment, waited for. */
  async nextAfter(at: number, limitMs: number): Promise<Acknowledged> {
    const until = Date.now() + limitMs;
    for (;;) {
      const found = this.acknowledged.findLast((one) => one.at > at);
      if (found !== undefined) return this.acknowledged.find((one) => one.at > at) ?? found;
      if (Date.now() > until) throw new Error(`the client got no number for ${limitMs / 1000} s`);
      await sleep(PAUSE_MS);
    }
  }

  /** The longest time without an answer since a moment. */
  longestOutage(since: number): Outage | undefined {
    let longest: Outage | undefined;
    for (const [index, after] of this.acknowledged.entries()) {
      const before = this.acknowledged[index - 1];
      if (before === undefined || after.at < since) continue;
      const durationMs = after.at - before.at;
      if (durationMs > (longest?.durationMs ?? 0)) longest = { before, after, durationMs };
    }
    return longest;
  }

  async stop(): Promise<void> {
    this.#running = false;
    await this.#loop;
  }

  async #run(address: string, port: number): Promise<void> {
    while (this.#running) {
      const number = await ask(address, port);
      if (number !== undefined) this.acknowledged.push({ number, at: Date.now() });
      await sleep(PAUSE_MS);
    }
  }
}

/** One request; undefined when no complete answer came. */
function ask(address: string, port: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    let text = "";
    const socket = createConnection({ host: address, port });
    const finish = (): void => {
      socket.destroy();
      resolve(/^\d+\n$/.test(text) ? Number(text) : undefined);
    };
    socket.setTimeout(ANSWER_MS, finish);
    socket.on("data", (data) => (text += data.toString("latin1")));
    socket.on("end", finish);
    socket.on("error", finish);
  });
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
