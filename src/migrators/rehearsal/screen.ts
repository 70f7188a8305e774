/** Where a PC has the characters of its screen while that is in text mode, and how many bytes they are. */
export const SCREEN = { address: 0xb8000, columns: 80, rows: 25 } as const;
export const SCREEN_BYTES = SCREEN.columns * SCREEN.rows * 2;

/** Below this share of characters that somebody could have written it is no text, but a picture's memory. */
const BELIEVED = 0.95;

/**
 * The text on a PC's screen, from the memory that it is in: a byte for each character and one for its colours. Boot loaders
 * that find nothing to read their configuration from speak there and nowhere else.
 * @returns undefined when the screen is not in text mode, as far as that can be seen
 */
export function screenText(memory: Buffer): string | undefined {
  if (memory.length < SCREEN_BYTES) return undefined;
  const cells = Array.from({ length: SCREEN.columns * SCREEN.rows }, (_, index) => memory[index * 2] ?? 0);
  const written = cells.filter((byte) => byte !== 0 && byte !== 0x20);
  const plain = written.filter((byte) => (byte > 0x20 && byte < 0x7f) || isFrame(byte));
  if (written.length === 0 || plain.length < written.length * BELIEVED) return undefined;
  const lines = Array.from({ length: SCREEN.rows }, (_, row) =>
    cells
      .slice(row * SCREEN.columns, (row + 1) * SCREEN.columns)
      .map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : " "))
      .join("")
      .trimEnd(),
  );
  return lines.join("\n").trimEnd();
}

/** What menus are framed with (code page 437). */
function isFrame(byte: number): boolean {
  return byte >= 0xb0 && byte <= 0xdf;
}
