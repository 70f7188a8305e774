import { readFileSync } from "node:fs";
import { RehomeError } from "../../../src/lib/errors.js";
import { FakeHost } from "../../helpers/fake-host.js";

const CONFIG = "/etc/xen/web1.cfg";
const CFG = readFileSync(new URL("../../lab/images/xen/files/etc/xen/web1.cfg", import.meta.url), "utf8");
const LIST = JSON.parse(readFileSync(new URL("../../fixtures/xen/xl-list.json", import.meta.url), "utf8")) as {
  domid: number;
  config: { c_info: { name: string } };
}[];

/** How a program ended. */
interface Said {
  readonly stdout?: string;
  readonly stderr?: string;
  readonly exitCode?: number;
}

/** A dom0 with the domain web1, which does what xl tells it to. */
export class FakeDom0 {
  running: number | undefined = 7;
  auto = true;
  hasFile = true;
  shutsDown = true;
  movesLinks = true;
  /** What its /etc/default/xendomains says, if there is one. */
  settings = "";
  /** Who else starts the domain with its host. */
  starter = "";
  /** Whether another domain has its disk open, too. */
  shares = false;
  /** How often a domain that has halted is still in the list. */
  lingers = 0;
  answersStore = true;
  answersList = true;
  /** Writes to its disk that the kernel counted. */
  writes = 100;
  bootId = "11111111-1111-1111-1111-111111111111";
  private nextId = 8;
  readonly host = new FakeHost("dom0");

  constructor() {
    this.host
      .on(["xl", "list", "-l"], () => JSON.stringify(this.list()))
      .on(["xl", "list"], () => (this.answersList ? this.table() : { exitCode: 1, stderr: "no xenstore" }))
      .on(["xl", "info"], "xen_version            : 4.17.7\n")
      .on(["uname", "-n"], "dom0\n")
      .on(["cat", "/proc/sys/kernel/random/boot_id"], () => `${this.bootId}\n`)
      .on(/xenstore-ls/, ({ argv }) => this.prove(argv))
      .on(/^xl destroy -- \d+$/, ({ argv }) => this.end(Number(argv.at(-1))))
      .on(["xl", "create", "-q", CONFIG], () => this.create())
      .on(/rehome-disabled/, ({ argv }) =>
        this.movesLinks ? this.moveLinks(argv) : { exitCode: 1, stderr: "mv: read-only file system" },
      )
      .on(/on_xend_start/, () => this.starter)
      .on(/\/etc\/default\/xendomains/, ({ argv: [, , , , mark = ""] }) =>
        this.settings === "" ? "" : `\n${mark} settings /etc/default/xendomains\n${this.settings}`,
      )
      .on(/head -c 300000/, ({ argv: [, , , , mark = ""] }) => this.files(mark))
      .on(/getsize64/, "671088640\n");
  }

  get commands(): readonly string[] {
    return this.host.commandLines;
  }

  private list(): unknown {
    const [dom0, , web1] = LIST;
    return [dom0, ...(this.running === undefined || web1 === undefined ? [] : [{ ...web1, domid: this.running }])];
  }

  private table(): string {
    const head = "Name    ID   Mem VCPUs\tState\tTime(s)\nDomain-0    0  1024     1     r-----     446.4\n";
    if (this.running === undefined && this.lingers > 0) {
      this.lingers -= 1;
      return `${head}web1    7   224     1     ---s--      92.6\n`;
    }
    return this.running === undefined ? head : `${head}web1    ${this.running}   224     1     -b----      92.6\n`;
  }

  /** Answers the one program that shuts down and proves, in the form in which the shell would print it. */
  private prove(argv: readonly string[]): string {
    const [, , , , mark = "", , id = ""] = argv;
    const answer = (name: string, said: string | Said): string => {
      const { stdout = "", stderr = "", exitCode = 0 } = typeof said === "string" ? { stdout: said } : said;
      return `\n${mark} ${name}\n${stdout}\n${mark} ended ${exitCode}\n${stderr}`;
    };
    return [
      ...(id === "" ? [] : [answer("shutdown", this.shutDown(Number(id)))]),
      answer("boot", `${this.bootId}\n`),
      answer("list", this.answersList ? this.table() : { exitCode: 1, stderr: "no xenstore" }),
      answer("backends", this.store()),
      answer("writes", argv.length > 7 ? `${this.writes} 1 0 0\n` : ""),
      `\n${mark} end\n`,
    ].join("");
  }

  private shutDown(id: number): string | Said {
    if (!this.shutsDown) throw new RehomeError("command-timeout", "xl did not end in time");
    return this.running === id ? this.end(id) : { exitCode: 1, stderr: `${id} is an invalid domain identifier` };
  }

  private end(id: number): string {
    if (this.running === id) this.running = undefined;
    return "";
  }

  private create(): string {
    this.running = this.nextId;
    this.nextId += 1;
    return "";
  }

  private store(): string | Said {
    if (!this.answersStore) return { exitCode: 1, stderr: "xenstore-ls: Connection refused" };
    const other = this.shares ? '/local/domain/0/backend/vbd/3/51744/params = "/dev/xenvg/web1-root"\n' : "";
    if (this.running === undefined) return other;
    return `${other}/local/domain/0/backend/vbd/${this.running}/51713/params = "/dev/xenvg/web1-root"\n`;
  }

  private moveLinks(argv: readonly string[]): string {
    const disable = argv.at(4) === "put-aside";
    const moves = argv.at(6) === CONFIG && this.auto === disable;
    if (moves) this.auto = !disable;
    return moves ? "web1.cfg\n" : "";
  }

  private files(mark: string): string {
    const parts = [
      ...(this.hasFile ? [`\n${mark} config ${CONFIG}\n${CFG}`] : []),
      `\n${mark} has-auto /etc/xen/auto\n`,
      ...(this.auto ? [`\n${mark} auto /etc/xen/auto/web1.cfg\n${CFG}`] : []),
    ];
    return parts.join("");
  }
}
