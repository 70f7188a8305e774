import { PassThrough, Transform } from "node:stream";
import { RehomeError } from "../../src/lib/errors.js";
import type { Host } from "../../src/lib/host/types.js";

/** A host whose connection breaks as soon as so many bytes came from a program that was started on it. */
export function cutHost(host: Host, afterBytes: number): Host {
  return {
    ...host,
    async start(argv, options) {
      const process = await host.start(argv, options);
      const stdout = new PassThrough();
      let passed = 0;
      let cut = false;
      const scissors = new Transform({
        transform(data: Buffer, _encoding, done) {
          const kept = data.subarray(0, Math.max(0, afterBytes - passed));
          passed += data.length;
          if (kept.length < data.length) {
            cut = true;
            process.kill();
          }
          done(null, kept);
        },
      });
      process.stdout.pipe(scissors).pipe(stdout);
      process.stdout.on("close", () => scissors.end()); // a killed program's output closes without an end
      stdout.on("close", () => process.stdout.destroy());
      const exited = process.exited.then((code) => {
        if (cut) throw new RehomeError("connection-lost", "cut by the test", { machine: host.name });
        return code;
      });
      exited.catch(() => undefined);
      return { ...process, stdout, exited, kill: () => process.kill() };
    },
  };
}
