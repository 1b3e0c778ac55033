// What ends tell each other of their patience. RFC 5482: figure 1, §3.1's formula, §3.4's reserved value.

import { describe, expect, test } from 'vitest';

import { parseOptions, TcpOptions } from '../../../src/tcp/options.js';
import { UserTimeout, userTimeoutField, writeUserTimeout } from '../../../src/tcp/user-timeout.js';

/** USER_TIMEOUT in the synchronized states. */
function adopted(u: UserTimeout, rtoMs = 200): number {
  u.adopt(rtoMs);
  return u.ms;
}

const SECOND = 1000;
const MINUTE = 60_000;

describe('the option', () => {
  // Seconds up to 2^15 - 1 of them ("over 9 hours"), then minutes ("over 22 days"); rounded up, and never 0.
  test.each([
    [1, 1], [SECOND, 1], [1001, 2], [300 * SECOND, 300], [32_767 * SECOND, 32_767], [32_768 * SECOND, 0x8000 | 547],
    [32_767 * MINUTE, 0xffff], [99_999 * MINUTE, 0xffff],
  ])('says %i ms as %i', (ms, field) => {
    expect(userTimeoutField(ms)).toBe(field);
    const b = new Uint8Array(5);
    writeUserTimeout(b, 1, ms);
    expect([...b]).toEqual([0, 28, 4, field >> 8, field & 255]);
  });

  test.each([
    [[28, 4, 0, 1], SECOND], [[28, 4, 0x7f, 0xff], 32_767 * SECOND], [[28, 4, 0x80, 1], MINUTE], [[28, 4, 0xff, 0xff], 32_767 * MINUTE],
    // Reserved, or misspelt: ignored, and no harm to the segment.
    [[28, 4, 0, 0], 0], [[28, 4, 0x80, 0], 0], [[28, 3, 1], 0], [[28, 5, 1, 1, 1], 0], [[28, 2], 0],
  ])('%j is read as %i ms', (bytes, ms) => {
    const options = new TcpOptions();
    expect(parseOptions(Uint8Array.from(bytes), 0, bytes.length, options)).toBe(true);
    expect(options.userTimeoutMs).toBe(ms);
    options.clear();
    expect(options.userTimeoutMs).toBe(0);
  });
});

describe('USER_TIMEOUT = min(U_LIMIT, max(ADV_UTO, REMOTE_UTO, L_LIMIT))', () => {
  const between = (advertiseMs: number, remoteMs: number, rtoMs = 200): number =>
    adopted(new UserTimeout({ advertiseMs, minMs: 150_000, maxMs: 900_000 }, 0, remoteMs), rtoMs);

  test('the longer of the two, within the limits', () => {
    expect(between(200_000, 0)).toBe(200_000);
    expect(between(200_000, 300_000)).toBe(300_000);
    expect(between(300_000, 200_000)).toBe(300_000);
    expect(between(1000, 2000)).toBe(150_000);
    expect(between(200_000, 5_000_000)).toBe(900_000);
    expect(between(5_000_000, 0)).toBe(900_000);
  });

  test('the lower limit is above the RTO', () => {
    expect(between(1000, 2000, 160_000.5)).toBeGreaterThan(160_000.5);
  });

  test('the defaults: five minutes advertised, at least 100 s, at most an hour', () => {
    expect(new UserTimeout({}, 0).advertisedMs).toBe(300_000);
    expect(adopted(new UserTimeout({}, 0))).toBe(300_000);
    expect(adopted(new UserTimeout({ advertiseMs: 1000 }, 0))).toBe(100_000);
    expect(adopted(new UserTimeout({}, 0, 99_000_000))).toBe(3_600_000);
  });

  test('what the application set is not changed, unless it allows it: CHANGEABLE', () => {
    expect(adopted(new UserTimeout({}, 20_000, 500_000))).toBe(20_000);
    expect(new UserTimeout({}, 20_000).advertisedMs).toBe(20_000);
    expect(adopted(new UserTimeout({ changeable: true }, 20_000, 500_000))).toBe(500_000);
    expect(adopted(new UserTimeout({ changeable: false }, 0, 500_000))).toBe(0);
  });
});
