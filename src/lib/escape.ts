/**
 * What a terminal would obey or a reader can't see: control characters, marks that turn the direction of text, invisible
 * spaces, halves of surrogate pairs. Text from peers (shutdown communication, host name) passes through here wherever it
 * is shown.
 */
const unprintable =
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  /[\u0000-\u001f\u007f-\u009f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\p{Surrogate}/gu;

/** Text that can be shown as one line: whatever is unprintable stands as `\u{...}`. */
export const escapeText = (text: string): string =>
  text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);

/** JSON that can be shown on a terminal: the same value, with what is unprintable as `\uXXXX`. */
export const escapedJson = (value: unknown, indent?: number): string =>
  (JSON.stringify(value, undefined, indent) ?? "null").replace(unprintable, (character) =>
    // White space between values is JSON's own; inside strings JSON.stringify has escaped it already.
    character === "\n" ? character : `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
