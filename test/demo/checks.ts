import { say } from "./say.js";

/** What the demo found to be so, or not. */
export class Checks {
  #passed = 0;
  #failed = 0;

  check(what: string, holds: boolean, otherwise = ""): void {
    if (holds) this.#passed += 1;
    else this.#failed += 1;
    say(holds ? `✔ ${what}` : `✘ ${what}${otherwise === "" ? "" : `: ${otherwise}`}`);
  }

  get failed(): number {
    return this.#failed;
  }

  /** The closing line that .ci/run adds up. */
  summary(): string {
    return `${this.#passed} passed, ${this.#failed} failed`;
  }
}
