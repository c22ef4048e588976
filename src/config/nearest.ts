/** Edits (insert, delete, replace, swap of neighbors) that turn one word into the other. */
function distance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1];
      let cost = Math.min(last[j]! + 1, row[j - 1]! + 1, last[j - 1]! + (same ? 0 : 1));
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        cost = Math.min(cost, beforeLast[j - 2]! + 1);
      row.push(cost);
    }
    beforeLast = last;
    last = row;
  }
  return last[b.length]!;
}

/** `holdTime`, `hold_time` and `Hold-Time` are all meant as `hold-time`. */
const normalised = (word: string): string =>
  word
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();

const MOST_LETTERS = 64;

/** Edits after which a word still counts as meant: of three letters, two others are another word. */
const allowed = (letters: number): number => (letters <= 3 ? 1 : Math.max(2, letters / 3));

/** The word of `known` that `word` was most likely meant to be, and whether it is near enough to say so; undefined without any. */
export function nearest(word: string, known: Iterable<string>): { word: string; close: boolean } | undefined {
  const wanted = normalised(word);
  let best: string | undefined;
  let bestDistance = Number.POSITIVE_INFINITY;
  // Longer than any word that is known: nobody meant one of them, and to compare it would take long.
  if (wanted.length > MOST_LETTERS) return undefined;
  for (const candidate of known) {
    let edits = distance(wanted, candidate);
    if (edits > 0 && (candidate.startsWith(wanted) || candidate.endsWith(`-${wanted}`))) edits = Math.min(edits, 2);
    if (edits < bestDistance) {
      best = candidate;
      bestDistance = edits;
    }
  }
  return best === undefined ? undefined : { word: best, close: bestDistance <= allowed(wanted.length) };
}
