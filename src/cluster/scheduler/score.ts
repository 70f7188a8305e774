/** Scores: integers between -INFINITY and INFINITY, which is a million; -INFINITY wins over INFINITY. */
export const INFINITY = 1_000_000;

const WORDS: Readonly<Record<string, number>> = {
  INFINITY,
  "+INFINITY": INFINITY,
  "-INFINITY": -INFINITY,
  red: -INFINITY,
  yellow: 0,
  green: 0,
};

/** A score as written in a CIB; undefined and what cannot be read is 0. Health colours have their own meaning. */
export function parseScore(text: string | undefined, colours?: Readonly<Record<string, number>>): number {
  if (text === undefined) return 0;
  const word = colours?.[text] ?? WORDS[text];
  if (word !== undefined) return word;
  const value = Number.parseInt(text, 10);
  return Number.isNaN(value) ? 0 : clamp(value);
}

export function clamp(score: number): number {
  return Math.max(-INFINITY, Math.min(INFINITY, score));
}

export function addScores(a: number, b: number): number {
  if (a <= -INFINITY || b <= -INFINITY) return -INFINITY;
  if (a >= INFINITY || b >= INFINITY) return INFINITY;
  return clamp(a + b);
}
