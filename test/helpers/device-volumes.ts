import { randomUUID } from "node:crypto";
import { mkdir, open } from "node:fs/promises";
import { dirname } from "node:path";
import { openDeviceVolume } from "../../src/cluster/volumes/device/device-volume.js";
import type { VolumeMark, VolumeStore } from "../../src/cluster/volumes/types.js";
import type { Host } from "../../src/lib/host/types.js";

/** Volumes written by their machine's own writer, as a cluster host's are; here they are files, and marks live in memory. */
export function deviceVolumes(connect: () => Promise<Host>): VolumeStore {
  const marks = new Map<string, VolumeMark>();
  return {
    async open({ path, guest, disk, size }) {
      let mark = marks.get(path);
      const unmarked = mark === undefined;
      if (mark === undefined) {
        await mkdir(dirname(path), { recursive: true });
        const file = await open(path, "a");
        const { size: found } = await file.stat();
        if (found === 0) await file.truncate(size);
        await file.close();
        mark = { uuid: randomUUID(), guest, disk, size: found === 0 ? size : Math.min(size, found) };
        marks.set(path, mark);
      }
      const host = await connect();
      const volume = await openDeviceVolume({ host, device: path, path, mark, unmarked });
      return {
        ...volume,
        async close() {
          await volume.close();
          await host.close();
        },
      };
    },
    mark: (path) => Promise.resolve(marks.get(path)),
    remark: (path, mark) => Promise.resolve(void marks.set(path, mark)),
    withImage: (path, work) => work(path),
    space: () => Promise.resolve({ allocated: 0, free: Infinity }),
  };
}
