import type { VolumeMark } from "../types.js";

/**
 * The mark of a replicated volume is kept as tags of the logical volume below it, on each host for itself: it goes when
 * the volume goes, and no volume that was put in its place has it.
 */
export interface ReplicaMark extends VolumeMark {
  /** DRBD's data generation when the mark was set. With another one the host's data may be the other host's. */
  readonly generation: string;
}

const TAGS = {
  uuid: "rehome.mark=",
  disk: "rehome.disk=",
  size: "rehome.size=",
  generation: "rehome.generation=",
  diverged: "rehome.diverged=",
} as const;

/** The mark that a logical volume's tags say; undefined when they say none. */
export function markOfTags(guest: string, tags: readonly string[]): ReplicaMark | undefined {
  const value = (prefix: string): string | undefined => {
    const tag = tags.find((each) => each.startsWith(prefix));
    return tag === undefined ? undefined : decode(tag.slice(prefix.length));
  };
  const [uuid, disk, size] = [value(TAGS.uuid), value(TAGS.disk), Number(value(TAGS.size))];
  if (uuid === undefined || disk === undefined || !Number.isSafeInteger(size)) return undefined;
  const diverged = value(TAGS.diverged);
  return {
    uuid,
    guest,
    disk,
    size,
    generation: value(TAGS.generation) ?? "",
    ...(diverged !== undefined && { diverged }),
  };
}

/** Arguments of `lvchange` that replace one mark by another at once. */
export function markChange(tags: readonly string[], mark: ReplicaMark): readonly string[] {
  const wanted = [
    `${TAGS.uuid}${encode(mark.uuid)}`,
    `${TAGS.disk}${encode(mark.disk)}`,
    `${TAGS.size}${mark.size}`,
    `${TAGS.generation}${encode(mark.generation)}`,
    ...(mark.diverged === undefined ? [] : [`${TAGS.diverged}${encode(mark.diverged)}`]),
  ];
  const old = tags.filter((tag) => Object.values(TAGS).some((prefix) => tag.startsWith(prefix)));
  return [
    ...old.filter((tag) => !wanted.includes(tag)).flatMap((tag) => ["--deltag", tag]),
    ...wanted.filter((tag) => !old.includes(tag)).flatMap((tag) => ["--addtag", tag]),
  ];
}

/** LVM's tags take letters, digits and a few signs; anything else is written as +XX. */
function encode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) => {
      const character = String.fromCharCode(byte);
      return /[A-Za-z0-9_.:/-]/.test(character) ? character : `+${byte.toString(16).padStart(2, "0")}`;
    })
    .join("");
}

function decode(text: string): string {
  return decodeURIComponent(text.replaceAll("+", "%"));
}
