// Text from outside, made safe to show: no terminal escape, no line break, no reversed writing gets through.

/**
 * `text` with everything that does not print escaped: `\x1b`, `\u202e`. Injective: a backslash becomes two.
 * Control and format characters, line and paragraph separators, and lone surrogates do not print.
 */
export function printable(text: string): string {
  return text.replace(/[\\\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, (character) => {
    if (character === '\\') return '\\\\';
    const point = character.codePointAt(0)!;
    const digits = point.toString(16);
    if (point > 0xffff) return `\\u{${digits}}`;
    return point < 0x100 ? `\\x${digits.padStart(2, '0')}` : `\\u${digits.padStart(4, '0')}`;
  });
}
