import { join } from "node:path";
import { runChecked } from "../../lib/host/run.js";
import type { ConversionTarget, Products } from "./types.js";

/** Bytes before each file of a product: its length. */
const LENGTH = 8;

/**
 * What earlier conversions of the guest made and took long for, in a folder on the machine that rehome runs on. Without a
 * folder nothing is kept. A product is one file, so that it is there as a whole or not at all.
 */
export function productsOf({ host, productsFolder: folder }: ConversionTarget): Products {
  if (folder === undefined) return { find: () => Promise.resolve(undefined), keep: () => Promise.resolve() };
  return {
    async find(name) {
      const path = join(folder, name);
      return (await host.run(["test", "-e", path])).exitCode === 0 ? unpack(await host.readFile(path)) : undefined;
    },
    async keep(name, files, replaces) {
      await runChecked(host, ["mkdir", "-p", "-m", "0700", "--", folder]);
      await host.writeFile(join(folder, name), pack(files), 0o600);
      if (replaces === undefined) return;
      const old = ["-name", `${escaped(replaces)}*`, "!", "-name", escaped(name), "-delete"];
      await runChecked(host, ["find", folder, "-maxdepth", "1", "-type", "f", ...old]);
    },
  };
}

function pack(files: readonly Buffer[]): Buffer {
  return Buffer.concat(
    files.flatMap((file) => {
      const length = Buffer.alloc(LENGTH);
      length.writeBigUInt64BE(BigInt(file.length));
      return [length, file];
    }),
  );
}

/** @returns undefined when it was not all written */
function unpack(data: Buffer): readonly Buffer[] | undefined {
  const files: Buffer[] = [];
  for (let at = 0; at < data.length;) {
    if (data.length < at + LENGTH) return undefined;
    const end = at + LENGTH + Number(data.readBigUInt64BE(at));
    if (data.length < end) return undefined;
    files.push(data.subarray(at + LENGTH, end));
    at = end;
  }
  return files;
}

/** What find's patterns would read as something else. */
function escaped(name: string): string {
  return name.replace(/[*?[\]\\]/g, "\\$&");
}
