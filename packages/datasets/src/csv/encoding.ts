import { isAscii } from 'node:buffer';
import { viewOf } from './bytes.ts';

export type Encoding = 'utf-8' | 'windows-1252';

/**
 * Code points of the bytes 80 to 9F (WHATWG Encoding Standard, index-windows-1252), 0 for the five that Windows
 * leaves undefined. All other bytes stand for the code point of the same number.
 */
// oxfmt-ignore
const WINDOWS_1252_80_TO_9F = [
  0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0, 0x017d, 0,
  0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a, 0x0153, 0, 0x017e, 0x0178,
];

/** A byte that never occurs in valid UTF-8. */
const INVALID = 0xff;

/**
 * The same text in UTF-8. A byte that windows-1252 does not define becomes one that UTF-8 does not allow, so that a
 * single check for valid UTF-8 serves both encodings. Line ends, quotes and delimiters are ASCII and stay as they are.
 */
export function toUtf8(bytes: Buffer, encoding: Encoding): Buffer {
  if (encoding === 'utf-8' || isAscii(bytes)) return bytes;
  // The euro sign and its like take three bytes. Memory that is not written to costs next to nothing.
  const utf8 = Buffer.allocUnsafeSlow(3 * bytes.length);
  const source = viewOf(bytes);
  const target = viewOf(utf8);
  const lastWord = bytes.length - 4;
  let out = 0;
  for (let at = 0; at < bytes.length; at++) {
    // Four ASCII characters at once: most text is that, in any language of this encoding.
    while (at <= lastWord) {
      const word = source.getInt32(at);
      if ((word & 0x80808080) !== 0) break;
      target.setInt32(out, word);
      at += 4;
      out += 4;
    }
    if (at === bytes.length) break;
    const byte = source.getUint8(at);
    if (byte < 0x80) {
      utf8[out++] = byte;
      continue;
    }
    const codePoint = byte < 0xa0 ? (WINDOWS_1252_80_TO_9F[byte - 0x80] ?? 0) : byte;
    if (codePoint === 0) {
      utf8[out++] = INVALID;
    } else if (codePoint < 0x800) {
      utf8[out++] = 0xc0 | (codePoint >> 6);
      utf8[out++] = 0x80 | (codePoint & 0x3f);
    } else {
      utf8[out++] = 0xe0 | (codePoint >> 12);
      utf8[out++] = 0x80 | ((codePoint >> 6) & 0x3f);
      utf8[out++] = 0x80 | (codePoint & 0x3f);
    }
  }
  return utf8.subarray(0, out);
}

/**
 * The first `limit` characters (code points) of UTF-8 text.
 * @param bytes - invalid sequences become U+FFFD
 */
export function firstCharacters(bytes: Buffer, limit: number): string {
  // No character takes more than 4 bytes, so one that this cuts lies behind the limit.
  const text = bytes.subarray(0, 4 * (limit + 1)).toString('utf8');
  if (text.length <= limit) return text;
  let end = 0;
  for (let count = 0; count < limit && end < text.length; count++) {
    end += (text.codePointAt(end) ?? 0) > 0xffff ? 2 : 1;
  }
  return text.slice(0, end);
}
