import type { DiskJob } from "./session.js";
import type { Work } from "./work.js";

interface DiskQueue {
  readonly job: DiskJob;
  readonly regions: Work[];
  next: number;
  readers: number;
}

/** Hands out regions to lanes: each lane keeps to a disk, lanes spread over disks, and a rotational disk has one reader. */
export class WorkQueue {
  private readonly queues: readonly DiskQueue[];

  constructor(work: readonly Work[]) {
    const jobs = [...new Set(work.map(({ job }) => job))];
    this.queues = jobs.map((job) => ({ job, regions: work.filter((item) => item.job === job), next: 0, readers: 0 }));
  }

  /** A lane: call `next` until it gives nothing more, then `leave`. */
  lane(): { next(): Work | undefined; leave(): void } {
    let queue: DiskQueue | undefined;
    const leave = (): void => {
      if (queue) queue.readers -= 1;
      queue = undefined;
    };
    return {
      next: () => {
        if (queue === undefined || queue.next >= queue.regions.length) {
          leave();
          queue = this.best();
          if (queue === undefined) return undefined;
          queue.readers += 1;
        }
        const work = queue.regions[queue.next];
        queue.next += 1;
        return work;
      },
      leave,
    };
  }

  /** Whether one more lane would find something to do. */
  get wantsLane(): boolean {
    return this.best() !== undefined;
  }

  private best(): DiskQueue | undefined {
    return this.queues
      .filter(({ job, next, regions, readers }) => next < regions.length && !(job.rotational && readers > 0))
      .toSorted((one, other) => one.readers - other.readers)[0];
  }
}
