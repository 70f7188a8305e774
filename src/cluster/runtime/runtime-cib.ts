import { asRehomeError, formatError } from "../../lib/errors.js";
import type { XmlElement } from "../../lib/xml.js";
import { withStatusOf } from "../cib/edit.js";
import { fileSignature, type CibStore } from "../cib/store.js";
import type { Edit } from "../cib/tree.js";
import { withNextVersion } from "../cib/version.js";

/** The runtime's CIB: the file, and a copy to go on with while the file cannot be read or written. */
export interface RuntimeCib extends CibStore {
  /** Looks whether somebody else changed the file, and writes what could not be written before. */
  look(): Promise<void>;
  /** The CIB as it is in use now. */
  last(): XmlElement;
}

export interface RuntimeCibEvents {
  /** What is used of a file that somebody else wrote, given what was known before: the runtime's own parts are put back. */
  readonly adopt: (read: XmlElement, known: XmlElement) => XmlElement;
  /** Each new problem with the file, and undefined when all is well again. */
  readonly onProblem: (message: string | undefined) => void;
  /** Somebody else changed the file, and what it says now is in use. */
  readonly onChange: () => void;
}

interface Waiting {
  readonly edit: Edit;
  resolve(cib: XmlElement): void;
  reject(thrown: unknown): void;
}

/**
 * Keeps the CIB for a runtime. Changes that come together are written together. When somebody leaves a broken file,
 * or the disk is full, the last good configuration stays in use and what happens meanwhile is written once the file
 * can be written again.
 */
export async function runtimeCib(path: string, file: CibStore, events: RuntimeCibEvents): Promise<RuntimeCib> {
  let known = await file.read();
  let signature = fileSignature(path);
  /** The status known here is newer than the file's. */
  let ahead = false;
  let lastProblem: string | undefined;
  let waiting: Waiting[] = [];
  let flushing: Promise<void> | undefined;

  const report = (message: string | undefined): void => {
    if (message !== lastProblem) events.onProblem(message);
    lastProblem = message;
  };

  const adopted = (read: XmlElement): XmlElement => events.adopt(ahead ? withStatusOf(read, known) : read, known);

  const flush = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting;
      waiting = [];
      const failures = new Map<Waiting, unknown>();
      const applyAll = (cib: XmlElement): XmlElement =>
        batch.reduce((at, entry) => {
          try {
            return entry.edit(at);
          } catch (thrown) {
            failures.set(entry, thrown);
            return at;
          }
        }, cib);
      const others: string[] = [];
      try {
        known = await file.update((cib) => {
          failures.clear();
          if (fileSignature(path) !== signature) others.push("changed");
          return applyAll(adopted(cib));
        });
        ahead = false;
        signature = fileSignature(path);
        report(undefined);
        if (others.length > 0) events.onChange();
      } catch (thrown) {
        failures.clear();
        known = withNextVersion(known, applyAll(known), { at: Date.now(), origin: "", client: "rehome runtime" });
        ahead = true;
        report(`the CIB is not written: ${formatError(asRehomeError(thrown))}`);
      }
      for (const entry of batch) {
        if (failures.has(entry)) entry.reject(failures.get(entry));
        else entry.resolve(known);
      }
    }
  };

  const refresh = async (): Promise<void> => {
    const now = fileSignature(path);
    if (now === signature) return;
    signature = now;
    try {
      const read = await file.read();
      const used = adopted(read);
      known = used;
      const isGone = now === undefined;
      report(isGone ? "somebody removed the CIB; it is written again as it is in use" : undefined);
      events.onChange();
      if (used !== read || isGone) void update((cib) => cib); // what was put back is written
    } catch (thrown) {
      report(`the changed CIB is not used: ${formatError(asRehomeError(thrown))}`);
    }
  };

  const update = (edit: Edit): Promise<XmlElement> =>
    new Promise((resolve, reject) => {
      waiting.push({ edit, resolve, reject });
      flushing ??= flush().finally(() => (flushing = undefined));
    });

  return {
    update,
    async read() {
      await flushing;
      await refresh();
      return known;
    },
    async look() {
      await flushing;
      await refresh();
      if (ahead) await update((cib) => cib);
    },
    last: () => known,
  };
}
