// The user timeout option on the wire, and what it does to a connection. RFC 5482; `uto` is in seconds.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';
import type { ConnectionOptions } from '../../src/tcp/connection.js';

const UTO: ConnectionOptions = { userTimeoutOption: { advertiseMs: 120_000 } };

/** A peer 20 ms away has opened a connection; its ACK has `ack` for options. */
function opened(options: ConnectionOptions, ack = ''): ScriptHost {
  const h = new ScriptHost().listen(options);
  h.play(tcp`
    +0    < S  0:0(0)       win 65535 <mss 1000>
    +0    > S. 0:0(0) ack 1
    +20ms < .  1:1(0) ack 1 win 65535 <${ack}>
  `);
  return h;
}

describe('the option', () => {
  test('is not sent, and not heard, unless the application asks for it', () => {
    const h = opened({}, 'uto 150');
    h.play(tcp`
      +0 ${() => h.send(100)}
      +0 > P. 1:101(100) ack 1 <>
    `);
    expect(h.connection!.userTimeoutMs).toBe(0);
  });

  test('is on the SYN, and on the first segment after it', () => {
    const h = new ScriptHost().connect(UTO);
    h.play(tcp`
      +0    > S  0:0(0)       <mss,sackOK,TS,wscale,uto 120>
      +20ms < S. 0:0(0) ack 1 win 65535 <mss 1000>
      +0    > .  1:1(0) ack 1 <uto 120>
      +0    ${() => h.send(100)}
      +0    > P. 1:101(100) ack 1 <>
    `);
  });

  test('is on the SYN+ACK, and text goes behind the segment that has it', () => {
    const h = new ScriptHost().listen(UTO);
    h.play(tcp`
      +0    < S  0:0(0)       win 65535 <mss 1000>
      +0    > S. 0:0(0) ack 1 <mss 1460,uto 120>
      +20ms < .  1:1(0) ack 1 win 65535
      +0    ${() => h.send(1000)}
      +0    > .  1:1(0) ack 1 <uto 120>
      +0    > P. 1:1001(1000) ack 1 <>
    `);
  });

  test('is sent again when the application says something new', () => {
    const h = opened(UTO);
    h.play(tcp`
      +0     < P. 1:101(100) ack 1
      +40ms  > .  1:1(0) ack 101 <uto 120>
      +0     ${(c) => c.configure({ userTimeoutOption: { advertiseMs: 240_000 } })}
      +0     < P. 101:201(100) ack 1
      +40ms  > .  1:1(0) ack 201 <uto 240>
      +0     ${(c) => c.configure({ userTimeoutOption: false })}
      +0     < P. 201:301(100) ack 1
      +40ms  > .  1:1(0) ack 301 <>
    `);
  });

  test('waits where SACK blocks leave no room', () => {
    new ScriptHost().listen(UTO).play(tcp`
      +0    < S  0:0(0)       win 65535 <mss 1000,sackOK,TS val 1 ecr 0>
      +0    > S. 0:0(0) ack 1
      +20ms < . 1:1(0) ack 1 win 65535 <TS val 1 ecr 0>
      +0    <+ . 1001:1101(100) ack 1 <TS val 1 ecr 0>
      +0    <+ . 2001:2101(100) ack 1 <TS val 1 ecr 0>
      +0    <  . 3001:3101(100) ack 1 <TS val 1 ecr 0>
      +0    > .  1:1(0) ack 1 <TS,sack>
      +0    < . 1:1001(1000) ack 1 <TS val 1 ecr 0>
      +0    > .  1:1(0) ack 1101 <TS,sack,uto 120>
    `);
  });
});

describe('the timeout', () => {
  test('of both ends is the longer one, and ends a connection whose text is not acknowledged', () => {
    const h = opened(UTO, 'uto 150');
    expect(h.connection!.userTimeoutMs).toBe(150_000);
    h.play(tcp`
      +0 ${() => h.send(100)}
      +0 > . 1:1(0) ack 1 <uto 120>
      +0 > P. 1:101(100) ack 1
    `);
    const sentAt = h.now;
    h.advanceTo(sentAt + 149_999);
    expect(h.connection!.state).toBe('ESTABLISHED');
    h.advanceTo(sentAt + 150_001);
    expect(h.connection!.error?.code).toBe('ETIMEDOUT');
  });

  test('that the application set is its own, and the peer’s is only known', () => {
    const h = opened({ userTimeoutMs: 20_000, userTimeoutOption: true }, 'uto 150');
    expect(h.connection!.userTimeoutMs).toBe(20_000);
    expect(h.connection!.userTimeout!.remoteMs).toBe(150_000);
    h.play(tcp`
      +0    < P. 1:101(100) ack 1
      +40ms > .  1:1(0) ack 101 <uto 20>
    `);
  });

  test('follows each word of the peer', () => {
    const h = opened(UTO, 'uto 150');
    h.play(tcp`
      +0    < P. 1:101(100) ack 1 <uto 200>
      +40ms > .  1:1(0) ack 101
    `);
    expect(h.connection!.userTimeoutMs).toBe(200_000);
    h.play(tcp`
      +0    < P. 101:201(100) ack 1
      +40ms > .  1:1(0) ack 201
    `);
    expect(h.connection!.userTimeout!.remoteMs).toBe(200_000);
    // Text that is not acceptable says nothing.
    h.mangled(tcp`+0 < P. 70000:70001(1) ack 1 <uto 900>`, () => {});
    expect(h.connection!.userTimeoutMs).toBe(200_000);
  });

  test('is over before keep-alive begins: §4.2', () => {
    const h = opened({ ...UTO, keepAlive: true, keepAliveIdleMs: 1000 });
    h.play(tcp`
      +0         < P. 1:101(100) ack 1
      +40ms      > .  1:1(0) ack 101
    `);
    // 120 s and a millisecond since the text came.
    h.play(tcp`+119961ms > . 0:0(0) ack 101`);
  });
});
