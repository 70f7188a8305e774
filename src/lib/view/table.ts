/**
 * A table as lines: columns padded to their widest cell, two spaces between; text that is too wide for the terminal
 * is wrapped in the last column. Numbers look best right-aligned: name their columns in `right`.
 */
export function table(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  options: { readonly right?: readonly number[]; readonly width?: number; readonly indent?: number } = {},
): readonly string[] {
  const width = options.width ?? 80;
  const indent = " ".repeat(options.indent ?? 0);
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => (row[column] ?? "").length)),
  );
  const last = header.length - 1;
  const before = indent.length + widths.slice(0, last).reduce((sum, columnWidth) => sum + columnWidth + 2, 0);
  const lastWidth = Math.max(20, width - before);
  return [header, ...rows].flatMap((row) => {
    const left = row
      .slice(0, last)
      .map((cell, column) => {
        const size = widths[column] ?? 0;
        return `${options.right?.includes(column) ? cell.padStart(size) : cell.padEnd(size)}  `;
      })
      .join("");
    const cell = row[last] ?? "";
    const wrapped = wrap(options.right?.includes(last) ? cell.padStart(widths[last] ?? 0) : cell, lastWidth);
    return wrapped.map((line, index) => `${indent}${index === 0 ? left : " ".repeat(left.length)}${line}`.trimEnd());
  });
}

/** Breaks text at spaces so that no line is wider than `width`, except a single long word. */
export function wrap(text: string, width: number): readonly string[] {
  if (text.length <= width) return [text];
  const lines: string[] = [];
  let line = "";
  for (const word of text.split(" ")) {
    if (line !== "" && line.length + 1 + word.length > width) {
      lines.push(line);
      line = word;
    } else {
      line = line === "" ? word : `${line} ${word}`;
    }
  }
  return [...lines, line];
}
