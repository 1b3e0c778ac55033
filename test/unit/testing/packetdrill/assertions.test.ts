// Python's expressions, as far as scripts go. The expected values are Python's.

import { describe, expect, test } from 'vitest';

import { runAssertions, UnknownCode } from '../../../../src/testing/packetdrill/assertions.js';

const VARIABLES = new Map([['a', 7], ['b', 2], ['zero', 0]]);
const holds = (expression: string): boolean => runAssertions(`assert ${expression}`, VARIABLES) === null;

describe('what holds in Python holds here', () => {
  test.each([
    'a == 7', 'a != b', 'a >= 7 and b <= 2', 'zero or a', 'not zero', 'a - b * 2 == 3', '(a - b) * 2 == 10', 'a // b == 3', 'a / b == 3.5',
    'a % b == 1', '2 ** 3 == 8', 'abs(b - a) == 5', 'max(a, b, 9) == 9', 'a & 3 == 3', 'a | 8 == 15', '1 << 4 == 16', '0x10 == 16',
    '1 < b < a', 'a == 7, "text %d" % a', 'a == 1 or b == 2 and a == 7', '-b == 0 - 2', '1e3 == 1000',
  ])('%s', (expression) => {
    // Python binds & and | tighter than ==.
    expect(holds(expression)).toBe(true);
  });

  test.each(['a == 8', 'a < b', 'zero', 'zero and a', 'not a', '1 < a < b', 'a == 7 and not b'])('and this does not: %s', (expression) => {
    expect(holds(expression)).toBe(false);
  });
});

test('lines go on in brackets, behind a backslash and behind an operator; an assignment names a value; the rest is nothing', () => {
  const code = 'import os\nlimit = a + \\\n  1  # comment\nassert (limit ==\n  8), limit\nassert a == 7 and\\\n b == 2; assert b == 2\nprint(a)';
  expect(runAssertions(code, VARIABLES)).toBeNull();
});

test('a failing assertion is told with the values of its names', () => {
  expect(runAssertions('assert a == 7\nassert a  == b, a', VARIABLES)).toBe('assert a == b, a: a = 7, b = 2');
});

test.each(['assert c == 1', 'assert a.b', 'for x in a: pass', 'assert f(a)', 'assert a =='])('%s is not understood', (code) => {
  expect(() => runAssertions(code, VARIABLES)).toThrow(UnknownCode);
});
