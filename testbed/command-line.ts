/**
 * Reads the words behind a program's name (with `parseArgs` of node:util), and ends the program where there is nothing to run: with the
 * usage for `--help`, with what is wrong and the usage for anything that `read` throws.
 */
export function orUsage<T>(usage: string, read: () => T): T {
  if (process.argv.slice(2).includes("--help")) {
    process.stdout.write(`${usage}\n`);
    process.exit(0);
  }
  try {
    return read();
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}\n`);
    process.exit(2);
  }
}

/** @throws Error if it is no whole number. */
export function whole(name: string, text: string): number {
  if (!/^\d+$/.test(text)) throw new Error(`${name} wants a whole number, not "${text}"`);
  return Number(text);
}

/** `names` as they are, or all when there are none. @throws Error, with all that there are, if one isn't known. */
export function chosen<T extends { readonly name: string }>(
  what: string,
  all: readonly T[],
  names: readonly string[],
): T[] {
  const same = (one: string, other: string) => one.toLowerCase() === other.toLowerCase();
  const unknown = names.filter((name) => !all.some((each) => same(each.name, name)));
  if (unknown.length > 0)
    throw new Error(`No ${what} is called ${unknown.join(", ")}; there are ${all.map(({ name }) => name).join(", ")}`);
  return all.filter((each) => names.length === 0 || names.some((name) => same(each.name, name)));
}
