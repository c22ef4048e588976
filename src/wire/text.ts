/** Text that a peer controls, quoted: control, format, private and line-separator characters become escapes. */
export const printable = (text: string): string =>
  JSON.stringify(text).replace(
    /[\u007f-\u009f\u2028\u2029]|\p{Cf}|\p{Co}/gu,
    (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`,
  );
