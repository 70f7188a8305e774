/** Names in the order people count: `node2` before `node10`. */
export function compareNames(a: string, b: string): number {
  const [left, right] = [a.toLowerCase(), b.toLowerCase()];
  let i = 0;
  let j = 0;
  while (i < left.length && j < right.length) {
    const [numberA, numberB] = [digitsAt(left, i), digitsAt(right, j)];
    if (numberA !== "" && numberB !== "") {
      const difference = Number(numberA) - Number(numberB);
      if (difference !== 0) return Math.sign(difference);
      i += numberA.length;
      j += numberB.length;
      continue;
    }
    const difference = left.charCodeAt(i) - right.charCodeAt(j);
    if (difference !== 0) return Math.sign(difference);
    i += 1;
    j += 1;
  }
  return Math.sign(left.length - i - (right.length - j));
}

function digitsAt(text: string, at: number): string {
  let end = at;
  while (end < text.length && text.charCodeAt(end) >= 48 && text.charCodeAt(end) <= 57) end += 1;
  return text.slice(at, end);
}
