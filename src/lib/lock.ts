import { readFile, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { RehomeError } from "./errors.js";
import { makeFolder } from "./folder.js";
import { localHost } from "./host/local-host.js";

export interface Lock {
  release(): Promise<void>;
}

/** How long a lock whose holder was just killed may take to come free, in ms. */
const GRACE_MS = 2000;
const CONFLICT = 75;

/**
 * Takes an exclusive lock. util-linux's flock holds it for us in the kernel, for as long as its standard input is
 * open: so it ends with this process however that ends, and no stale lock is ever left or taken over wrongly.
 * @param purpose what the holder does, such as `stage web1`; shown to whoever has to wait
 * @param waitMs how long somebody else may hold it before that is an error
 * @throws RehomeError locked, naming the holder; file-unwritable
 */
export async function acquireLock(path: string, purpose: string, waitMs = GRACE_MS): Promise<Lock> {
  await makeFolder(dirname(path));
  const child = await localHost().start([
    "setsid", // Ctrl-C on the terminal must not take the lock from a command that is still cleaning up
    "flock",
    "--wait",
    `${waitMs / 1000}`,
    "--conflict-exit-code",
    `${CONFLICT}`,
    path,
    "cat",
  ]);
  child.stdin.on("error", () => undefined); // flock may have ended already: its exit code tells
  child.stdin.write("held");
  const held = new Promise<"held">((resolve) => child.stdout.once("data", () => resolve("held")));
  const outcome = await Promise.race([held, child.exited]);
  if (outcome === "held") {
    const release = async (): Promise<void> => {
      child.stdin.end();
      await child.exited;
    };
    try {
      await writeFile(path, `${purpose} (process ${process.pid})\n`);
    } catch (cause) {
      await release();
      throw new RehomeError("file-unwritable", "cannot write down who holds the lock", { path, cause });
    }
    return { release };
  }
  if (outcome !== CONFLICT) {
    throw new RehomeError("file-unwritable", `cannot take the lock (flock ended with exit code ${outcome})`, { path });
  }
  const holder = (await readFile(path, "utf8")).trim();
  throw new RehomeError("locked", `already in use by ${holder === "" ? "another process" : holder}`, {
    path,
    remedy: "wait until it has ended, or stop it",
  });
}
