// What is counted of marks, told, and made of what is told. RFC 9768 §3.2, by its tables.

import { describe, expect, test } from 'vitest';

import { AccurateEcn, CE, ECT_0, ECT_1, NOT_ECT, paddedLength, synAckOption, writeSynAckOption } from '../../../src/tcp/accurate-ecn.js';
import { parseOptions, TcpOptions } from '../../../src/tcp/options.js';

const NO_OPTIONS = new TcpOptions();
const ROOM = 28;
const SMSS = 1000;

/** "AE CWR ECE" as the tables write them, e.g. 011. */
const ace = (text: string): number => Number.parseInt(text, 2);
const told = (a: AccurateEcn, isBare = true): string => a.aceToSend(isBare).toString(2).padStart(3, '0');

/** Options as they come: of each counter what it says, if anything. */
function counters(said: { e0b?: number | undefined; ceb?: number | undefined; e1b?: number | undefined }): TcpOptions {
  const options = new TcpOptions();
  options.hasAccEcn = true;
  options.ee0b = said.e0b ?? -1;
  options.eceb = said.ceb ?? -1;
  options.ee1b = said.e1b ?? -1;
  return options;
}

/** The option of a segment that leaves now, as bytes; null: none. */
function optionOf(a: AccurateEcn, space = ROOM, isText = false): number[] | null {
  const option = a.optionToSend(space, isText);
  const b = new Uint8Array(ROOM).fill(0xee);
  a.writeOption(b, 0, option, isText);
  a.aceToSend(!isText);
  expect([...b.subarray(paddedLength(option))].every((byte) => byte === 0xee)).toBe(true);
  return option === 0 ? null : [...b.subarray(0, paddedLength(option))];
}

/** A client whose SYN+ACK came under `codepoint`. */
function client(codepoint = NOT_ECT, answer = '010', options = NO_OPTIONS): AccurateEcn {
  const a = new AccurateEcn();
  a.onSynAck(ace(answer), codepoint, options);
  return a;
}

/** A server whose SYN+ACK was answered. */
function server(answer = '010', options = NO_OPTIONS): AccurateEcn {
  const a = new AccurateEcn();
  a.onHandshakeAck(ace(answer), options);
  return a;
}

describe('ACE', () => {
  test.each([[NOT_ECT, '010'], [ECT_1, '011'], [ECT_0, '100'], [CE, '110']])('table 3: the ACK of a SYN+ACK under %i is %s, and then it counts', (codepoint, first) => {
    const a = client(codepoint);
    // Text does not say it (§3.2.2.1); r.cep begins with 5, and a mark on the SYN+ACK is one.
    const counted = codepoint === CE ? '110' : '101';
    expect(told(a, false)).toBe(counted);
    expect(told(a)).toBe(first);
    expect(told(a)).toBe(counted);
    // The SYN+ACK again: the same answer, and no second mark.
    a.onSynAckAgain(codepoint);
    expect(told(a)).toBe(first);
    expect(told(a)).toBe(counted);
  });

  // Table 4, with note 1 and §3.2.2.3: what left without being ECN-capable must come so.
  test.each([['010', 5, true], ['011', 5, false], ['100', 5, false], ['110', 6, false], ['101', 5, true], ['001', 5, true]])(
    'table 4: after an ACK of %s s.cep is %i', (answer, cep, isCapable) => {
      const a = server(answer);
      expect(a.isCapable).toBe(isCapable);
      a.onFeedback(cep, NO_OPTIONS, 1, SMSS, SMSS);
      expect(a.takeNews()).toBe(false);
      a.onFeedback((cep + 1) & 7, NO_OPTIONS, 1, SMSS, SMSS);
      expect(a.takeNews()).toBe(true);
    },
  );

  test('table 4, note 1: after an ACK of 000 nothing is marked and nothing heard, but all told', () => {
    const a = server('000');
    expect(a.isCapable).toBe(false);
    expect(a.onFeedback(3, counters({ e0b: 1, ceb: 5000 }), 5, 5000, SMSS)).toBe(0);
    expect(a.takeNews()).toBe(false);
    a.onArrival(CE, 1000, 1, true);
    expect(told(a)).toBe('110');
  });

  test('§3.2.2.4: feedback that begins with 000 was cleared by somebody; later ones may be 000', () => {
    const cleared = client();
    cleared.onFeedback(0, NO_OPTIONS, 1, SMSS, SMSS);
    expect(cleared.isCapable).toBe(false);
    expect(cleared.takeNews()).toBe(false);
    const counted = client();
    counted.onFeedback(5, NO_OPTIONS, 1, SMSS, SMSS);
    counted.onFeedback(0, NO_OPTIONS, 4, SMSS, SMSS);
    expect(counted.isCapable).toBe(true);
    expect(counted.markedPackets).toBe(3);
  });

  test.each(['011', '100', '110'])('§3.2.2.3: a SYN+ACK of %s says that our SYN was changed on its way', (answer) => {
    expect(client(NOT_ECT, answer).isCapable).toBe(false);
  });

  test('every marked packet counts, text or not, and ACE is the low three bits', () => {
    const a = server();
    for (let marks = 1; marks < 20; marks++) {
      a.onArrival(CE, marks % 2 === 0 ? 0 : 1000, 1, true);
      expect(a.aceToSend(true)).toBe((5 + marks) % 8);
    }
  });
});

describe('§3.2.2.5.1: an ACK is due', () => {
  const arrivals = (a: AccurateEcn, codepoint: number, bytes: number, count: number): boolean[] =>
    Array.from({ length: count }, () => a.onArrival(codepoint, bytes, 1, bytes > 0));

  test('at the first mark after none, and at the second since the last ACK', () => {
    const a = server();
    expect(arrivals(a, ECT_0, 1000, 3)).toEqual([false, false, false]);
    expect(arrivals(a, CE, 1000, 2)).toEqual([true, true]);
    a.aceToSend(true);
    expect(arrivals(a, CE, 1000, 2)).toEqual([false, true]);
    // Back to none is no news that could not wait.
    a.aceToSend(true);
    expect(arrivals(a, ECT_0, 1000, 1)).toEqual([false]);
  });

  test('at the third where no text waits for one; and bare packets are compared with, too', () => {
    const a = server();
    expect(arrivals(a, CE, 0, 3)).toEqual([false, false, true]);
    a.aceToSend(true);
    expect(arrivals(a, CE, 1000, 1)).toEqual([false]);
  });
});

describe('the option: §3.2.3', () => {
  test('says only the counters that ever moved, in the order that is shorter, and only when one has moved', () => {
    const a = server();
    expect(optionOf(a)).toBe(null);
    a.onArrival(ECT_0, 0x01_0203, 1, true);
    expect(optionOf(a)).toEqual([172, 5, 1, 2, 4, 1, 1, 1]);
    expect(optionOf(a)).toBe(null);
    a.onArrival(CE, 0x20, 1, true);
    expect(optionOf(a)).toEqual([172, 8, 1, 2, 4, 0, 0, 0x20]);
    a.onArrival(ECT_1, 9, 1, true);
    expect(optionOf(a)).toEqual([172, 11, 1, 2, 4, 0, 0, 0x20, 0, 0, 10, 1]);
    // What carries no text moves no counter of bytes, and what is not ECN-capable none at all.
    a.onArrival(CE, 0, 1, true);
    a.onArrival(NOT_ECT, 500, 1, true);
    expect(optionOf(a)).toBe(null);
  });

  test('has ECT(1) first where that is all that comes', () => {
    const a = server();
    a.onArrival(ECT_1, 0x10, 1, true);
    expect(optionOf(a)).toEqual([174, 5, 0, 0, 0x11, 1, 1, 1]);
    a.onArrival(CE, 1, 1, true);
    expect(optionOf(a)).toEqual([174, 8, 0, 0, 0x11, 0, 0, 1]);
  });

  test('says the low 24 bits', () => {
    const a = server();
    a.onArrival(CE, 0x165_4321, 1, true);
    expect(optionOf(a)).toEqual([172, 8, 0, 0, 1, 0x65, 0x43, 0x21]);
  });

  // "Necessary Option Length": what has moved since the last option is not left out; rather the whole is.
  test('is shortened to what must be told where space is short, and then left out', () => {
    const a = server();
    a.onArrival(ECT_0, 1, 1, true);
    a.onArrival(ECT_1, 1, 1, true);
    expect(optionOf(a, 12)).toEqual([172, 11, 0, 0, 2, 0, 0, 0, 0, 0, 2, 1]);
    a.onArrival(ECT_1, 1, 1, true);
    expect(optionOf(a, 8)).toEqual([174, 5, 0, 0, 3, 1, 1, 1]);
    a.onArrival(ECT_0, 1, 1, true);
    a.onArrival(ECT_1, 1, 1, true);
    expect(optionOf(a, 8)).toBe(null);
    // It stays owed.
    expect(optionOf(a, 12)).toEqual([172, 11, 0, 0, 3, 0, 0, 0, 0, 0, 4, 1]);
  });

  test("is on a client's first ACK and on its first text, whatever has come: §3.2.3.2.1", () => {
    const a = client();
    const begin = [174, 11, 0, 0, 1, 0, 0, 0, 0, 0, 1, 1];
    expect(optionOf(a)).toEqual(begin);
    expect(optionOf(a)).toBe(null);
    expect(optionOf(a, ROOM, true)).toEqual(begin);
    expect(optionOf(a, ROOM, true)).toBe(null);
    expect(optionOf(server(), ROOM, true)).toBe(null);
  });

  test.each([[12, 11], [11, 8], [8, 8], [7, 2], [4, 2], [3, 0]])('of a SYN+ACK with %i bytes of room is %i long', (space, length) => {
    const option = synAckOption(space);
    expect(option & 0xff).toBe(length);
    const b = new Uint8Array(12).fill(0xee);
    if (option !== 0) writeSynAckOption(b, 0, option);
    expect([...b.subarray(0, length)]).toEqual([174, 11, 0, 0, 1, 0, 0, 0, 0, 0, 1].fill(length, 1, 2).slice(0, length));
    expect([...b.subarray(length, length === 0 ? 0 : (length + 3) & ~3)].every((byte) => byte === 1)).toBe(true);
  });

  // §3.2.3: "MUST use those whole 3-octet fields that fit within the length and ignore the remainder".
  test.each([
    [[172, 2], [-1, -1, -1]], [[172, 4, 9, 9], [-1, -1, -1]], [[172, 5, 1, 2, 3], [0x01_0203, -1, -1]],
    [[174, 7, 1, 2, 3, 9, 9], [-1, -1, 0x01_0203]], [[174, 8, 1, 2, 3, 4, 5, 6], [-1, 0x04_0506, 0x01_0203]],
    [[172, 11, 1, 2, 3, 4, 5, 6, 0xff, 0xfe, 0xfd], [0x01_0203, 0x04_0506, 0xff_fefd]],
    [[174, 13, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 0], [0x07_0809, 0x04_0506, 0x01_0203]],
  ])('%j is read as %j', (bytes, [e0b, ceb, e1b]) => {
    const options = new TcpOptions();
    const b = Uint8Array.from([0xff, 0xff, ...bytes, 0xff]);
    expect(parseOptions(b, 2, 2 + bytes.length, options)).toBe(true);
    expect([options.hasAccEcn, options.ee0b, options.eceb, options.ee1b]).toEqual([true, e0b, ceb, e1b]);
    options.clear();
    expect(options.hasAccEcn).toBe(false);
  });
});

describe('feedback: §3.2.2.5.2, §3.2.3.2.5, appendix A.2', () => {
  test('without an option ACE is believed for less than eight segments, and beyond that as many marks as may be', () => {
    const a = server();
    a.onFeedback(7, NO_OPTIONS, 7, 7000, SMSS);
    expect(a.markedPackets).toBe(2);
    // Appendix A.2: 9 segments, and the counter went on by 1, or by 9.
    a.onFeedback(0, NO_OPTIONS, 9, 9000, SMSS);
    expect(a.markedPackets).toBe(11);
    expect(a.markedBytes).toBe(11_000);
  });

  test('an option says whether ACE has wrapped', () => {
    const a = server();
    expect(a.onFeedback(6, counters({ e0b: 15_001, ceb: 1000 }), 16, 16_000, SMSS)).toBe(1000);
    expect(a.markedPackets).toBe(1);
    expect(a.onFeedback(7, counters({ e0b: 22_001, ceb: 10_000 }), 16, 16_000, SMSS)).toBe(9000);
    expect(a.markedPackets).toBe(10);
    // None of that counter: it has not moved.
    expect(a.onFeedback(7, counters({ e0b: 38_001 }), 16, 16_000, SMSS)).toBe(0);
    expect(a.markedPackets).toBe(10);
  });

  test('what ACE told of already is not told again by the option that comes late', () => {
    const a = server();
    expect(a.onFeedback(6, NO_OPTIONS, 1, SMSS, SMSS)).toBe(1000);
    expect(a.onFeedback(7, counters({ ceb: 1800 }), 1, SMSS, SMSS)).toBe(800);
    expect([a.markedPackets, a.markedBytes]).toEqual([2, 1800]);
  });

  test('a counter may wrap; one that goes back is of an ACK that was overtaken, and its option is not believed', () => {
    const a = server();
    a.onFeedback(5, counters({ e0b: 0x7f_0000 }), 1, SMSS, SMSS);
    a.onFeedback(5, counters({ e0b: 0xfe_0000 }), 1, SMSS, SMSS);
    a.onFeedback(5, counters({ e0b: 0x10 }), 1, SMSS, SMSS);
    expect(a.onFeedback(6, counters({ e0b: 0x20, ceb: 1000 }), 1, SMSS, SMSS)).toBe(1000);
    expect(a.onFeedback(6, counters({ e0b: 0x10, ceb: 5000 }), 1, SMSS, SMSS)).toBe(0);
    expect(a.onFeedback(7, counters({ e0b: 0x20, ceb: 2000 }), 1, SMSS, SMSS)).toBe(1000);
  });

  test('marked bytes without a marked packet are mangling, and end our marked text; but not if ACE may have wrapped, or told before', () => {
    const mangled = server();
    expect(mangled.onFeedback(5, counters({ ceb: 1000 }), 7, 7000, SMSS)).toBe(1000);
    expect(mangled.isCapable).toBe(false);
    const wrapped = server();
    wrapped.onFeedback(5, counters({ ceb: 8000 }), 8, 8000, SMSS);
    expect([wrapped.isCapable, wrapped.markedPackets]).toEqual([true, 8]);
    const late = server();
    late.onFeedback(6, NO_OPTIONS, 1, SMSS, SMSS);
    late.onFeedback(6, counters({ ceb: 1000 }), 1, SMSS, SMSS);
    expect([late.isCapable, late.markedPackets]).toEqual([true, 1]);
    const thinned = server();
    thinned.onFeedback(5, NO_OPTIONS, 4, 4000, SMSS);
    thinned.onFeedback(5, counters({ ceb: 8000 }), 4, 4000, SMSS);
    expect(thinned.isCapable).toBe(true);
  });

  // §3.2.3.2.4.
  test.each([{ e0b: 0, ceb: 0, e1b: 1 }, { e0b: 1, ceb: 0, e1b: 0 }, { e1b: 0 }])('options that begin with %j are not believed', (first) => {
    for (const a of [server('010', counters(first)), client(NOT_ECT, '010', counters(first))]) {
      expect(a.onFeedback(6, counters({ e0b: 5000, ceb: 3000 }), 1, SMSS, SMSS)).toBe(1000);
    }
  });

  test('what it begins with is else the peer’s affair, and what has no counters says that options pass', () => {
    const a = server('010', counters({ e0b: 77, ceb: 5, e1b: 3 }));
    expect(a.hasOptions).toBe(true);
    expect(server('010', counters({})).hasOptions).toBe(true);
    expect(server().hasOptions).toBe(false);
  });
});

describe('options that do not pass: §3.2.3.2.2', () => {
  test('text that comes a third time says that ACKs with the option are lost', () => {
    const a = server();
    a.onArrival(ECT_0, 1000, 1, true);
    expect(optionOf(a)).not.toBe(null);
    a.onOldText();
    a.onArrival(ECT_0, 1000, 1, true);
    // New text in between: they do pass.
    expect(optionOf(a)).not.toBe(null);
    a.onOldText();
    expect(a.optionToSend(ROOM, false)).toBe(0);
    a.onArrival(ECT_0, 1000, 1, true);
    expect(optionOf(a)).not.toBe(null);
    a.onOldText();
    a.onOldText();
    a.onArrival(ECT_0, 1000, 1, true);
    expect(optionOf(a)).toBe(null);
  });

  test('ACKs without the option accuse nobody', () => {
    const a = server();
    for (let i = 0; i < 5; i++) {
      optionOf(a);
      a.onOldText();
    }
    a.onArrival(ECT_0, 1000, 1, true);
    expect(optionOf(a)).not.toBe(null);
  });

  test('a timeout of the first text ends them, of later text does not', () => {
    const lost = client();
    optionOf(lost);
    optionOf(lost, ROOM, true);
    lost.onTimeout();
    lost.onArrival(ECT_0, 1000, 1, true);
    expect(optionOf(lost)).toBe(null);
    const later = client();
    optionOf(later);
    optionOf(later, ROOM, true);
    later.onFeedback(5, NO_OPTIONS, 1, SMSS, SMSS);
    later.onTimeout();
    later.onArrival(ECT_0, 1000, 1, true);
    expect(optionOf(later)).not.toBe(null);
  });
});
