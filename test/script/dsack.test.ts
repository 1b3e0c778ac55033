// Duplicates reported to their sender: every example of RFC 2883 §4, in its own numbers but one higher (byte n of the RFC
// has sequence number n + 1 here), and what a batch makes of them.

import { describe, expect, test } from 'vitest';

import { type ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';

const sacking = (): ScriptHost => established({ syn: 'mss 1500,sackOK' });

/** A connection that has received and acknowledged the RFC's bytes 0 .. 3999. */
function upTo4000(): ScriptHost {
  const h = sacking();
  h.play(tcp`
    +0   <+ . 1:1501(1500)      ack 1
    +0   <+ . 1501:3001(1500)   ack 1
    +0   <  . 3001:4001(1000)   ack 1
    +0   >  . 1:1(0)            ack 4001 <>
  `);
  return h;
}

describe('full duplicates, RFC 2883 §4.1', () => {
  // RFC 2883 §4-1.
  test('example 1: a segment below the cumulative acknowledgment is reported first, and once', () => {
    const h = upTo4000();
    h.play(tcp`
      +0   < . 3001:3501(500)    ack 1
      +0   > . 1:1(0)            ack 4001 <sack 3001:3501>
      +0   < . 4001:4501(500)    ack 1
      +40ms > . 1:1(0)           ack 4501 <>
    `);
  });

  test('example 2: beside what is out of order', () => {
    upTo4000().play(tcp`
      +0   < . 4501:5001(500)    ack 1
      +0   > . 1:1(0)            ack 4001 <sack 4501:5001>
      +0   < . 3001:3501(500)    ack 1
      +0   > . 1:1(0)            ack 4001 <sack 3001:3501 4501:5001>
    `);
  });

  test('example 3: of what is out of order itself, the larger block follows', () => {
    upTo4000().play(tcp`
      +0   < . 4501:5001(500)    ack 1
      +0   > . 1:1(0)            ack 4001 <sack 4501:5001>
      +0   < . 5001:5501(500)    ack 1
      +0   > . 1:1(0)            ack 4001 <sack 4501:5501>
      +0   < . 5001:5501(500)    ack 1
      +0   > . 1:1(0)            ack 4001 <sack 5001:5501 4501:5501>
      +0   < . 4501:5001(500)    ack 1
      +0   > . 1:1(0)            ack 4001 <sack 4501:5001 4501:5501>
    `);
  });
});

describe('partial duplicates, RFC 2883 §4.2', () => {
  // RFC 2883 §4.2-1.
  test('example 4: only the part that was here is reported', () => {
    const h = sacking();
    h.play(tcp`
      +0   <+ . 1:501(500)       ack 1
      +0   <  . 501:1001(500)    ack 1
      +40ms > . 1:1(0)           ack 1001
      +0   < . 2001:2501(500)    ack 1
      +0   > . 1:1(0)            ack 1001 <sack 2001:2501>
      +0   < . 1001:1501(500)    ack 1
      +0   > . 1:1(0)            ack 1501 <sack 2001:2501>
      +0   < . 1001:2001(1000)   ack 1
      +0   > . 1:1(0)            ack 2501 <sack 1001:1501>
    `);
    expect(h.receive()).toBe(2500);
  });

  test('example 5: of two pieces, one below and one above RCV.NXT, the first', () => {
    const h = sacking();
    h.play(tcp`
      +0   < . 1:1001(1000)      ack 1
      +40ms > . 1:1(0)           ack 1001
      +0   < . 3001:3501(500)    ack 1
      +0   > . 1:1(0)            ack 1001 <sack 3001:3501>
      +0   < . 1001:1501(500)    ack 1
      +0   > . 1:1(0)            ack 1501 <sack 3001:3501>
      +0   < . 2001:2501(500)    ack 1
      +0   > . 1:1(0)            ack 1501 <sack 2001:2501 3001:3501>
      +0   < . 1001:2501(1500)   ack 1
      +0   > . 1:1(0)            ack 2501 <sack 1001:1501 3001:3501>
    `);
    expect(h.receive()).toBe(2500);
  });

  test('example 6: of two pieces above RCV.NXT, the first, and then the block they are in', () => {
    sacking().play(tcp`
      +0   < . 1:1001(1000)      ack 1
      +40ms > . 1:1(0)           ack 1001
      +0   < . 3501:4001(500)    ack 1
      +0   > . 1:1(0)            ack 1001 <sack 3501:4001>
      +0   < . 1501:2001(500)    ack 1
      +0   > . 1:1(0)            ack 1001 <sack 1501:2001 3501:4001>
      +0   < . 2501:3001(500)    ack 1
      +0   > . 1:1(0)            ack 1001 <sack 2501:3001 1501:2001 3501:4001>
      +0   < . 1501:3001(1500)   ack 1
      +0   > . 1:1(0)            ack 1001 <sack 1501:2001 1501:3001 3501:4001>
    `);
  });

  test('text that begins in order and ends in what is out of order', () => {
    const h = sacking();
    h.play(tcp`
      +0   < . 501:1001(500)     ack 1
      +0   > . 1:1(0)            ack 1 <sack 501:1001>
      +0   < . 1:1501(1500)      ack 1
      +0   > . 1:1(0)            ack 1501 <sack 501:1001>
    `);
    expect(h.receive()).toBe(1500);
  });
});

// §4.3.
test('what PAWS refuses is reported, too', () => {
  established({ syn: 'mss 1000,sackOK,TS val 100 ecr 0', ack: 'TS val 100 ecr 0' }).play(tcp`
    +0   <  . 1:1001(1000)    ack 1 <TS val 200 ecr 0>
    +40ms > . 1:1(0)          ack 1001 <TS>
    +0   <  . 1:1001(1000)    ack 1 <TS val 150 ecr 0>
    +0   >  . 1:1(0)          ack 1001 <TS val * ecr 200,sack 1:1001>
  `);
});

describe('several duplicates in one batch', () => {
  test('are one when they follow each other', () => {
    upTo4000().play(tcp`
      +0   <+ . 1001:2001(1000)  ack 1
      +0   <  . 2001:3001(1000)  ack 1
      +0   >  . 1:1(0)           ack 4001 <sack 1001:3001>
    `);
  });

  // What the coalescer leaves apart: behind PSH, and in reverse.
  test.each([['P. 1001:2001(1000)', '. 2001:3001(1000)'], ['. 2001:3001(1000)', '. 1001:2001(1000)']])(
    'are one when they follow each other: %s and %s', (first, second) => {
      upTo4000().play(tcp`
        +0   <+ ${first} ack 1
        +0   <  ${second} ack 1
        +0   >  . 1:1(0)           ack 4001 <sack 1001:3001>
      `);
    },
  );

  test('are reported each in an ACK of its own when they do not: rule 2', () => {
    upTo4000().play(tcp`
      +0   <+ . 1:501(500)       ack 1
      +0   <  . 2001:2501(500)   ack 1
      +0   >  . 1:1(0)           ack 4001 <sack 1:501>
      +0   >  . 1:1(0)           ack 4001 <sack 2001:2501>
    `);
  });
});

test('no text carries the report: each segment of a superpacket would repeat it', () => {
  const h = upTo4000();
  h.play(tcp`
    +0   ${() => h.send(20_000)}
    ${burst(1, 14_601, 1460).replaceAll('ack 1', 'ack 4001')}
    +20ms < .  3501:4501(1000)         ack 1461
    +0    > .  14601:14601(0)          ack 4501 <sack 3501:4001>
    +0    > .  14601:16061(1460)       ack 4501 <>
    +0    > .  16061:17521(1460)       ack 4501 <>
  `);
});

test('without SACK permitted nothing is reported, and a batch draws one ACK', () => {
  established().play(tcp`
    +0   <  . 1:1001(1000)    ack 1
    +40ms > . 1:1(0)          ack 1001
    +0   <+ . 1:101(100)      ack 1
    +0   <  . 501:601(100)    ack 1
    +0   >  . 1:1(0)          ack 1001 <>
  `);
});

test('the text of a SYN that comes again draws no more answers than the limit of challenges', () => {
  const h = upTo4000();
  for (let i = 0; i < 10; i++) h.play(tcp`
    +0   < S. 101:601(500)     ack 1
    +0   > .  1:1(0)           ack 4001 <>
  `);
  h.play(tcp`+0   < S. 101:601(500)     ack 1`);
});
