import { RehomeError } from "./errors.js";

const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;

/**
 * Reads a size: `4096`, `64K`, `10M`, `1.5GiB`. Units are powers of 1024, as lvm and qemu-img read them.
 * @returns bytes
 * @throws RehomeError usage
 */
export function parseSize(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*(?:([KMGTP])(?:iB|B)?|B)?$/i.exec(text.trim());
  if (match?.[1] === undefined) {
    throw new RehomeError("usage", `"${text}" is no size`, {
      remedy: "write a number and a unit, such as 64K, 10M or 1.5G",
    });
  }
  const power = match[2] === undefined ? 0 : "KMGTP".indexOf(match[2].toUpperCase()) + 1;
  const bytes = Math.round(Number(match[1]) * 1024 ** power);
  if (Number.isSafeInteger(bytes)) return bytes;
  throw new RehomeError("usage", `"${text}" is too large`, { remedy: "write a size below 8 PiB" });
}

/** `0 B`, `1.5 GiB`: three digits at the most. */
export function formatSize(bytes: number): string {
  let unit = 0;
  let value = bytes;
  while (Math.round(value) >= 1024 && unit < SIZE_UNITS.length - 1) {
    value /= 1024;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;
  return `${value.toFixed(digits)} ${SIZE_UNITS[unit] ?? "B"}`;
}

/** `12.3 MiB/s`. */
export function formatRate(bytesPerSecond: number): string {
  return `${formatSize(bytesPerSecond)}/s`;
}

const DURATION_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  sec: 1000,
  min: 60_000,
  m: 60_000,
  h: 3_600_000,
};

/**
 * Reads a duration: `500ms`, `30s`, `5min`, `1h`; a bare number is seconds, as Pacemaker reads it.
 * @returns ms
 * @throws RehomeError usage
 */
export function parseDuration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)\s*([a-z]*)$/.exec(text.trim());
  const factor = DURATION_MS[match?.[2] === "" ? "s" : (match?.[2] ?? "")];
  if (match?.[1] === undefined || factor === undefined) {
    throw new RehomeError("usage", `"${text}" is no duration`, {
      remedy: "write a number and a unit, such as 30s or 5min",
    });
  }
  return Math.round(Number(match[1]) * factor);
}

/** `850 ms`, `12.3 s`, `4 min 05 s`, `2 h 03 min`. */
export function formatDuration(ms: number): string {
  if (Math.round(ms) < 1000) return `${Math.round(ms)} ms`;
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, "0")} s`;
  return `${Math.floor(seconds / 3600)} h ${String(Math.floor((seconds % 3600) / 60)).padStart(2, "0")} min`;
}

/** How long ago something was, as people say it: `just now`, `10 min ago`, `3 h ago`, `2 days ago`. @param ms since then */
export function formatAge(ms: number): string {
  const minutes = Math.floor(ms / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 120) return `${minutes} min ago`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ago` : `${Math.floor(hours / 24)} days ago`;
}
