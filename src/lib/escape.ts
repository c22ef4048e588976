/**
 * What a terminal would obey or a reader can't see, by Unicode's own properties: control and format characters (marks that turn the
 * direction of text, tags), separators of lines, what is shown as nothing where it isn't known (fillers, variation selectors), halves
 * of surrogate pairs. Text from peers (shutdown communication, host name) passes through here wherever it is shown.
 */
const unprintable = /\p{Control}|\p{Format}|\p{Zl}|\p{Zp}|\p{Default_Ignorable_Code_Point}|\p{Surrogate}/gu;

/** Text that can be shown as one line: whatever is unprintable stands as `\u{...}`. */
export const escapeText = (text: string): string =>
  text.replace(unprintable, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);

/** JSON that can be shown on a terminal: the same value, with what is unprintable as `\uXXXX`. */
export const escapedJson = (value: unknown, indent?: number): string =>
  (JSON.stringify(value, undefined, indent) ?? "null").replace(unprintable, (character) =>
    // White space between values is JSON's own; inside strings JSON.stringify has escaped it already.
    character === "\n" ? character : character.split("").map(unitEscape).join(""),
  );

/** One unit of UTF-16: JSON has two for a character beyond U+FFFF. */
const unitEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;
