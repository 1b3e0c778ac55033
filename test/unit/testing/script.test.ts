// The notation itself: a script that could not fail would prove nothing.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../../src/testing/script.js';
import { established } from '../../fixtures/established.js';

describe('a script fails', () => {
  const opened = tcp`+0 < S 0:0(0) win 65535 <mss 1000,sackOK>`;

  test.each([
    ['flags', '+0 > S  0:0(0) ack 1'], ['another number', '+0 > S. 1:1(0) ack 1'], ['another length', '+0 > S. 0:1(1) ack 1'],
    ['another ACK', '+0 > S. 0:0(0) ack 2'], ['no ACK', '+0 > S. 0:0(0)'], ['another window', '+0 > S. 0:0(0) ack 1 win 1'],
    ['an urgent pointer', '+0 > S. 0:0(0) ack 1 urg 1'], ['another value', '+0 > S. 0:0(0) ack 1 <mss 1461,sackOK>'],
    ['an option less', '+0 > S. 0:0(0) ack 1 <mss 1460>'], ['an option more', '+0 > S. 0:0(0) ack 1 <mss 1460,sackOK,wscale 7>'],
    ['another order', '+0 > S. 0:0(0) ack 1 <sackOK,mss 1460>'], ['no options', '+0 > S. 0:0(0) ack 1 <>'],
  ])('for %s', (_, line) => {
    const h = new ScriptHost().listen();
    expect(() => h.play([...opened, ...tcp`${line}`])).toThrow(`want ${line}\n  got  > S. 0:0(0) ack 1 win 65535 <mss 1460,sackOK>`);
  });

  test('for what should have come earlier, or has not come yet', () => {
    expect(() => new ScriptHost().listen().play([...opened, ...tcp`+10ms > S. 0:0(0) ack 1`])).toThrow(/got.* at 0 ms/);
    expect(() => new ScriptHost().listen().play([...opened, ...tcp`
      +0     > S. 0:0(0) ack 1
      +999ms > S. 0:0(0) ack 1
    `])).toThrow('got  nothing');
  });

  test('for silence, and for what nobody expects: before a step, and at the end', () => {
    expect(() => new ScriptHost().play(tcp`+0 > S 0:0(0)`)).toThrow('script: at 0 ms\n  want +0 > S 0:0(0)\n  got  nothing');
    expect(() => new ScriptHost().listen().play(opened)).toThrow('script: at the end, at 0 ms\n  want nothing\n  got  > S.');
    expect(() => new ScriptHost().listen().play([...opened, ...tcp`+1ms < S 0:0(0)`])).toThrow('before "+1ms < S 0:0(0)", at 0 ms');
  });

  test('for a segment to somebody else', () => {
    const h = new ScriptHost().listen();
    expect(() => h.play([...opened, ...tcp`
      +0     ${() => { h.peerPort++; }}
    `])).toThrow('got  > S.');
    const other = new ScriptHost().connect();
    other.peerPort++;
    expect(() => other.play(tcp`+0 > S 0:0(0)`)).toThrow('to port 40000');
  });

  test('for text that is not in its place, in either direction', () => {
    const h = established();
    expect(() => h.play(tcp`+0 ${(c) => c.write(Uint8Array.of(1, 2, 9))}`)).toThrow('we sent a wrong byte at 3: 9');
    const other = established();
    other.play(tcp`+0 < P. 1:11(10) ack 1 win 65535`);
    other.connection!.bytesReceived++;
    expect(() => other.receive()).toThrow('we read a wrong byte at 2: 1');
  });
});

describe('a script cannot be read', () => {
  test.each(['+0 > S 0:5(0)', '0 > S 0:0(0)', '+0 S 0:0(0)', '+0 > S', '+0 < X 0:0(0)', '+0 > S 0:0(0) win'])('"%s"', (line) => {
    expect(() => tcp`${line}`).toThrow(SyntaxError);
  });

  test('with an option that nobody knows', () => {
    expect(() => new ScriptHost().play(tcp`+0 < S 0:0(0) <cookie 5>`)).toThrow('no option cookie');
  });
});

describe('what a script says', () => {
  test('comments and empty lines say nothing', () => {
    expect(tcp`
      // a comment
      +0     < S 0:0(0)      // and another

    `).toHaveLength(1);
  });

  test('times are relative, in seconds or in milliseconds', () => {
    const h = new ScriptHost();
    const at: number[] = [];
    h.play(tcp`
      +0     ${() => at.push(h.now)}
      +5ms   ${() => at.push(h.now)}
      +1.5s  ${() => at.push(h.now)}
      +1     ${() => at.push(h.now)}
    `);
    expect(at).toEqual([0, 5, 1505, 2505]);
  });

  test('`*` stands for any number, and `<TS>` for any two', () => {
    for (const option of ['TS', 'TS val * ecr 9', 'TS val 0 ecr *']) {
      new ScriptHost().listen().play(tcp`
        +0     < S  0:0(0) win 65535 <TS val 9 ecr 0>
        +0     > S. 0:0(0) ack 1     <mss 1460,${option}>
      `);
    }
    expect(() => new ScriptHost().listen().play(tcp`
      +0     < S  0:0(0) win 65535 <TS val 9 ecr 0>
      +0     > S. 0:0(0) ack 1     <mss 1460,TS val * ecr 8>
    `)).toThrow('TS val 0 ecr 9');
  });

  test('what is queued arrives with what comes next, in one batch', () => {
    const h = established();
    h.play(tcp`
      +0     <+ P. 1:11(10)  ack 1 win 65535
      +0     ${() => expect(h.connection!.readable).toBe(0)}
      +0     <  P. 11:21(10) ack 1 win 65535
      +0     ${() => expect(h.receive()).toBe(20)}
      +40ms  > .  1:1(0) ack 21
    `);
  });
});
