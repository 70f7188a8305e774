import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import { readdir, readFile, readlink, rename, rm, writeFile } from "node:fs/promises";
import { fileVolumes } from "../../../src/cluster/volumes/file-volume.js";
import type { Host, HostProcess } from "../../../src/lib/host/types.js";
import { localHost } from "../../../src/lib/host/local-host.js";
import { runFinalPass, sessionKeeper, stageGuest, verifyTarget } from "../../../src/migrators/staging/index.js";
import type { StagingContext } from "../../../src/migrators/staging/types.js";
import { FakeLvm } from "../../helpers/fake-lvm.js";
import { stagingFixture, writeAt, type StagingFixture } from "../../helpers/staging.js";

const SIZE = 66 * 1024 * 1024 + 3 * 4096;

describe("what one pass leaves open for the next", function () {
  this.timeout(120_000);
  let guest: StagingFixture;
  let context: StagingContext;
  let source: () => Promise<Host>;
  /** Of everything that was done on the source, or opened here, since `forget`. */
  let done: { logins: number; programs: string[]; volumes: number };
  /** Connections that were not closed, the one for questions apart. */
  let open: number;
  let running: HostProcess[];

  const forget = (): void => void (done = { logins: 0, programs: [], volumes: 0 });

  beforeEach(async () => {
    forget();
    [open, running] = [0, []];
    source = () => Promise.resolve(localHost("source"));
    guest = await stagingFixture({ sizes: [SIZE], connect: login });
    context = {
      ...guest.context,
      host: () => source().then(counted),
      sessions: sessionKeeper(),
      volumes: {
        ...fileVolumes,
        open: (request) => {
          done.volumes += 1;
          return fileVolumes.open(request);
        },
      },
    };
    await writeAt(disk(), 0, random(1, 300_000));
    await writeAt(disk(), 20_000_000, random(2, 300_000));
  });
  afterEach(async () => {
    await context.sessions?.release();
    assert.equal(open, 0, "connections were left open");
    await Promise.all(running.map(({ exited }) => exited.catch(() => undefined))); // or the test does not end
    await guest.remove();
  });

  const disk = (): string => guest.disks[0] ?? "";
  const volume = (): string => guest.volumes[0] ?? "";

  async function login(): Promise<Host> {
    done.logins += 1;
    const host = counted(await source());
    open += 1;
    return {
      ...host,
      close: () => {
        open -= 1;
        return host.close();
      },
    };
  }

  function counted(host: Host): Host {
    return {
      ...host,
      run: (argv, options) => {
        done.programs.push(argv.join(" "));
        return host.run(argv, options);
      },
      start: async (argv, options) => {
        done.programs.push(`start ${argv.at(-1)}`);
        const process = await host.start(argv, options);
        running.push(process);
        return process;
      },
    };
  }

  async function warm(): Promise<void> {
    await runFinalPass({ ...context, options: {}, quiesced: false });
    await verifyTarget({ ...context, options: {}, mode: "sent" });
    forget();
  }
  const atRest = (): Promise<unknown> => runFinalPass({ ...context, options: {}, quiesced: true });
  const proof = (): Promise<unknown> => verifyTarget({ ...context, options: {}, mode: "sent" });
  const assertCopy = async (): Promise<void> =>
    assert.ok((await readFile(disk())).equals(await readFile(volume())), "the copy differs");

  /** Of files below the guest's folder, who else than this process has one open. */
  async function openElsewhere(): Promise<readonly string[]> {
    const found: string[] = [];
    for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name) && name !== String(process.pid))) {
      for (const fd of await readdir(`/proc/${pid}/fd`).catch(() => [])) {
        const path = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => "");
        if (path.startsWith(guest.folder)) found.push(path);
      }
    }
    return found;
  }

  it("is used: no login, no reader and no volume is opened after the source came to rest", async () => {
    const lvm = new FakeLvm(guest.folder, disk(), SIZE);
    source = lvm.connect;
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await lvm.write(4096, random(3, 8192));
    await warm();
    await lvm.write(40_000_000, random(4, 50_000));
    lvm.log.length = 0;
    await atRest();
    await proof();
    assert.deepEqual({ logins: done.logins, volumes: done.volumes }, { logins: 0, volumes: 0 });
    assert.deepEqual(
      done.programs.map((line) => [
        /^sh -c .* several /s.test(line),
        line
          .split(/\s+/)
          .filter((word) => /^(lvs|dmsetup|stat|cat)$/.test(word))
          .join(" "),
      ]),
      [
        [true, "lvs cat stat"],
        [true, "dmsetup dmsetup dmsetup dmsetup"], // valid, and whose store it is; its table is read
        [true, "dmsetup dmsetup"], // still valid
        [true, "dmsetup dmsetup dmsetup dmsetup"], // after the pass: the table once more
        [true, "dmsetup dmsetup"],
      ],
    );
    const store = "read vg0-rehome--web1--web--2-cow";
    assert.deepEqual(lvm.log, ["read disk", store, "read disk", store], "what is read is opened anew each time");
    await assertCopy();
  });

  it("is no open device: a snapshot could be removed, and nobody reads what was replaced", async () => {
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await warm();
    assert.deepEqual(await openElsewhere(), []);
    await writeFile(`${disk()}.new`, random(5, SIZE));
    await rename(`${disk()}.new`, disk());
    await atRest();
    assert.equal(done.logins, 0);
    assert.deepEqual(await openElsewhere(), []);
    await proof();
    await assertCopy();
  });

  it("is no reason to believe: a disk that became another one is refused", async () => {
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await warm();
    await writeFile(disk(), random(6, SIZE + 4096));
    await assert.rejects(atRest(), { code: "disk-changed" });
    assert.equal(open, 0);
  });

  it("is opened anew when it broke meanwhile", async () => {
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await warm();
    for (const one of running) one.kill();
    await writeAt(disk(), 8192, random(7, 4096));
    await atRest();
    assert.equal(done.logins, 1);
    await proof();
    await assertCopy();
  });

  it("is opened anew when it broke, and that no other can be opened is an error", async () => {
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await warm();
    for (const one of running) one.kill();
    source = () => Promise.reject(new Error("no route to host"));
    await assert.rejects(atRest(), /no route/);
  });

  it("proves nothing of a volume that is not the one at its path any more", async () => {
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await warm();
    await atRest();
    for (const path of [volume(), `${volume()}.rehome.json`]) await rm(path);
    await assert.rejects(proof(), { code: "volume-missing" });
  });

  it("is no volume that something else was put in the place of, with its mark still there", async () => {
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await warm();
    await writeFile(`${volume()}.new`, random(10, SIZE));
    await rename(`${volume()}.new`, volume());
    await assert.rejects(atRest(), { code: "volume-foreign" });
    assert.equal(open, 0);
  });

  it("is only the volumes' part where the source would not leave readers alone", async () => {
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    await warm();
    await context.sessions?.leaveSource();
    assert.equal(open, 0);
    await Promise.all(running.map(({ exited }) => exited.catch(() => undefined)));
    await writeAt(disk(), 8192, random(8, 4096));
    await atRest();
    assert.deepEqual([done.logins, done.volumes], [1, 0]);
    await proof();
    await assertCopy();
  });

  it("is closed when a pass fails or is stopped", async () => {
    await stageGuest({ ...guest.context, options: { passes: 1 } });
    const stop = new AbortController();
    context = { ...context, signal: stop.signal };
    await warm();
    await writeAt(disk(), 0, random(9, SIZE));
    const pass = atRest();
    setTimeout(() => stop.abort(), 50);
    await assert.rejects(pass, { code: "cancelled" });
    assert.equal(open, 0);
  });
});

function random(seed: number, length: number): Buffer {
  return createHash("shake128", { outputLength: length }).update(`${seed}`).digest();
}
