import type { VolumeStore } from "../../cluster/volumes/types.js";
import { asRehomeError } from "../../lib/errors.js";
import type { Report } from "../../lib/report.js";
import type { OpenVolumes } from "../session.js";

/** A guest's volumes, opened when they are needed and kept open, because opening them takes seconds of a downtime. */
export interface VolumeKeeper {
  /** Has something done with the volumes. When that fails they are closed: whoever needs them next opens them anew. */
  use<T>(work: (volumes: VolumeStore) => Promise<T>): Promise<T>;
  /** Nobody of rehome's has the volumes any more when this resolves. @throws RehomeError volume-busy, connection-lost */
  release(): Promise<void>;
}

export function volumeKeeper(open: () => Promise<OpenVolumes>, report: Report): VolumeKeeper {
  let opened: OpenVolumes | undefined;
  async function release(): Promise<void> {
    const old = opened;
    opened = undefined;
    await old?.close();
  }
  return {
    async use(work) {
      opened ??= await open();
      try {
        return await work(opened.volumes);
      } catch (thrown) {
        await release().catch((second: unknown) => {
          report.note({ severity: "warning", text: `the volumes were not closed: ${asRehomeError(second).message}` });
        });
        throw thrown;
      }
    },
    release,
  };
}

/** Has something done with a guest's volumes, and closes them. */
export async function withVolumes<T>(
  open: () => Promise<OpenVolumes>,
  report: Report,
  work: (volumes: VolumeStore) => Promise<T>,
): Promise<T> {
  const keeper = volumeKeeper(open, report);
  const result = await keeper.use(work);
  await keeper.release();
  return result;
}
