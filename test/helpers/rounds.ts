import type { Host, RunResult } from "../../src/lib/host/types.js";

/** A program that ran on a host, and how many others had to end before it was begun. */
export interface Asked {
  readonly host: string;
  readonly what: string;
  /** 1 for what is begun at once; one more than that of what it waited for. */
  readonly round: number;
}

/** Long enough for all that is begun at once to have been begun. */
const QUIET_MS = 40;

/**
 * Counts programs, and rounds of them: what is under way at the same time ends together, as if each took as long as the
 * others. The number of rounds is then the length of the longest chain of programs that wait for each other.
 */
export class Rounds {
  readonly asked: Asked[] = [];
  #round = 1;
  #computing = 0;
  #held: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Counts anew. */
  restart(): void {
    this.asked.length = 0;
    this.#round = 1;
  }

  get length(): number {
    return Math.max(0, ...this.asked.map(({ round }) => round));
  }

  /** All of it, as lines. */
  get text(): string {
    return this.asked.map(({ round, host, what }) => `${round} ${host}: ${what}`).join("\n");
  }

  /** How many programs a host ran. */
  on(host: string): number {
    return this.asked.filter((each) => each.host === host).length;
  }

  /** The same host, counted. */
  count(host: Host): Host {
    return {
      name: host.name,
      run: (argv, options) => this.#within(host, argv.join(" "), () => host.run(argv, options)),
      start: (argv, options) => host.start(argv, options),
      readFile: (path) => this.#within(host, `read ${path}`, () => host.readFile(path)),
      writeFile: (path, data, mode) => this.#within(host, `write ${path}`, () => host.writeFile(path, data, mode)),
      close: () => host.close(),
    };
  }

  async #within<T = RunResult>(host: Host, what: string, work: () => Promise<T>): Promise<T> {
    this.asked.push({ host: host.name, what, round: this.#round });
    clearTimeout(this.#timer);
    this.#computing += 1;
    try {
      return await work();
    } finally {
      this.#computing -= 1;
      await new Promise<void>((resolve) => {
        this.#held.push(resolve);
        this.#endSoon();
      });
    }
  }

  #endSoon(): void {
    clearTimeout(this.#timer);
    if (this.#computing > 0) return;
    this.#timer = setTimeout(() => {
      const held = this.#held.splice(0);
      this.#round += 1;
      for (const end of held) end();
    }, QUIET_MS);
  }
}
