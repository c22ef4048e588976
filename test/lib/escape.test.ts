import t from "tap";
import { escapedJson, escapeText } from "../../src/lib/escape.ts";

/** Characters that a terminal obeys or nobody sees, each by its kind. */
const hidden: Readonly<Record<string, number>> = {
  "a control character": 0x1b,
  "a second one": 0x9b,
  "a soft hyphen": 0xad,
  "a combining grapheme joiner": 0x34f,
  "an Arabic letter mark": 0x61c,
  "a Hangul filler": 0x115f,
  "a Khmer vowel that is none": 0x17b4,
  "a Mongolian vowel separator": 0x180e,
  "a Mongolian variation selector": 0x180b,
  "a zero width space": 0x200b,
  "a line separator": 0x2028,
  "a paragraph separator": 0x2029,
  "a right-to-left override": 0x202e,
  "a word joiner": 0x2060,
  "an isolate": 0x2066,
  "another Hangul filler": 0x3164,
  "a variation selector": 0xfe0f,
  "a byte order mark": 0xfeff,
  "a halfwidth filler": 0xffa0,
  "an annotation": 0xfff9,
  "half a pair": 0xd800,
  "a language tag": 0xe0001,
  "a tag": 0xe0041,
  "a supplementary variation selector": 0xe0101,
};

t.test("what can't be seen stands as its number, and JSON stays the same value", async (t) => {
  for (const [what, code] of Object.entries(hidden)) {
    const text = `a${String.fromCodePoint(code)}b`;
    t.equal(escapeText(text), `a\\u{${code.toString(16)}}b`, what);
    const json = escapedJson(text);
    t.match(json, /^[ -~]*$/, what);
    t.equal(JSON.parse(json), text, what);
  }
});

t.test("what can be seen stays as it is, in any script", async (t) => {
  const text = "J\u00fcrgen \u6771\u4eac \u0645\u0635\u0631 \u0939\u093f\u0928\u094d\u0926\u0940 \u{1f600}";
  t.equal(escapeText(text), text);
  t.equal(escapedJson({ text }, 2), JSON.stringify({ text }, undefined, 2));
});
