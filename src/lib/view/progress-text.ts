import type { TaskProgress } from "../report.js";
import { formatDuration, formatRate, formatSize } from "../units.js";

/** ` 42 %  1.2 of 2.9 GiB  85 MiB/s  about 20 s left  38 % zero` */
export function progressText(progress: TaskProgress): string {
  const share = progress.totalBytes === 0 ? 100 : Math.floor((progress.doneBytes / progress.totalBytes) * 100);
  const parts = [
    `${String(share).padStart(3)} %`,
    `${formatSize(progress.doneBytes)} of ${formatSize(progress.totalBytes)}`,
    formatRate(progress.rate),
    ...(progress.etaMs === undefined ? [] : [`about ${formatDuration(progress.etaMs)} left`]),
    ...(progress.detail === undefined ? [] : [progress.detail]),
  ];
  return parts.join("  ");
}
