// TCP Fast Open: text on the SYN, for both sides, and what becomes of it where it is not taken. RFC 7413; SEC-67.

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';
import { NEVER } from '../../src/time.js';

const hex = (bytes: Uint8Array): string => [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join('');

/** The fast open option of the last segment that left, as hexadecimal; null: it has none. Read by hand from the bytes. */
function optionOf(h: ScriptHost): string | null {
  const b = h.lastPacket.subarray(20);
  const end = (b[12]! >> 4) * 4;
  for (let at = 20; at < end && b[at] !== 0; at += b[at] === 1 ? 1 : b[at + 1]!) {
    if (b[at] === 34) return hex(b.subarray(at + 2, at + b[at + 1]!));
  }
  return null;
}

/** Nobody accepts before the test does. */
function server(queue: number | null = 16, settings: ConstructorParameters<typeof ScriptHost>[0] = {}): ScriptHost {
  const h = new ScriptHost(settings).listen(queue === null ? {} : { fastOpen: { queue } });
  h.listener!.owner = null;
  return h;
}

/** The peer asks for a cookie, as the first connection from its address does, and leaves. @returns the option that uses it */
function cookieFrom(h: ScriptHost): string {
  h.peerPort += 1000;
  h.play(tcp`
    +0     < S  0:0(0)         win 65535 <mss 1000,raw 2202>
    +0     > S. 0:0(0) ack 1
  `);
  const cookie = optionOf(h)!;
  h.play(tcp`+0 < R 1:1(0) win 0`);
  h.peerPort -= 1000;
  return `raw 220a${cookie},raw 0101`;
}

describe('the server', () => {
  // RFC 7413 §4.1.1-1.
  test('gives a cookie of eight bytes to who asks, always the same to the same address, and nothing to who does not', () => {
    const h = server();
    const first = cookieFrom(h);
    expect(first).toMatch(/^raw 220a[0-9a-f]{16},/);
    expect(cookieFrom(h)).toBe(first);
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 1
    `);
    expect(optionOf(h)).toBeNull();
  });

  // §4.2.2: something on the way may not like the option.
  // RFC 7413 §4.2.2-4.
  test('leaves the option away when its SYN+ACK has to be repeated', () => {
    const h = server().play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,raw 2202>
      +0     > S. 0:0(0) ack 1
    `);
    expect(optionOf(h)).not.toBeNull();
    h.play(tcp`+1s > S. 0:0(0) ack 1`);
    expect(optionOf(h)).toBeNull();
  });

  // SEC-67: off by default.
  // RFC 7413 §2-1, §4.2-1.
  test('that was not told to does not know the option', () => {
    const h = server(null).play(tcp`
      +0     < S  0:100(100)     win 65535 <mss 1000,raw 2202>
      +0     > S. 0:0(0) ack 1
    `);
    expect(optionOf(h)).toBeNull();
  });

  test('delivers the text of a SYN with a cookie before the handshake is done, and may answer at once', () => {
    const h = server();
    const cookie = cookieFrom(h);
    h.play(tcp`
      +0     < S  0:100(100)     win 65535 <mss 1000,${cookie}>
      +0     > S. 0:0(0) ack 101
      +0     ${() => { h.connection = h.listener!.accept(); }}
    `);
    const c = h.connection!;
    expect(c.state).toBe('SYN-RECEIVED');
    expect(c.readable).toBe(100);
    c.owner = { onTcpEvent: () => {} };
    h.play(tcp`
      +5ms   ${() => h.send(1500)}
      +0     > .  1:1001(1000) ack 101
      +0     > P. 1001:1501(500) ack 101
      +20ms  < .  101:101(0) ack 1501 win 65535
    `);
    expect(c.state).toBe('ESTABLISHED');
    expect(c.unacknowledged).toBe(0);
    expect(c.timers.retransmitAt).toBe(NEVER);
  });

  test('sends its answer again, too, when the handshake is done and the answer was lost', () => {
    const h = server();
    const cookie = cookieFrom(h);
    h.play(tcp`
      +0     < S  0:100(100)     win 65535 <mss 1000,${cookie}>
      +0     > S. 0:0(0) ack 101
      +0     ${() => { h.connection = h.listener!.accept(); }}
      +0     ${() => h.send(500)}
      +0     > P. 1:501(500) ack 101
      +20ms  < .  101:101(0) ack 1 win 65535
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
    h.play(tcp`
      +220ms > P. 1:501(500) ack 101
      +20ms  < .  101:101(0) ack 501 win 65535
    `);
    expect(h.connection!.unacknowledged).toBe(0);
  });

  test('repeats its SYN+ACK, which acknowledges the text, for a SYN that comes again and by the timer, and tells when nobody answers', () => {
    const h = server(16, { stack: { tcp: { synAckRetries: 2 } } });
    const cookie = cookieFrom(h);
    h.play(tcp`
      +0     < S  0:100(100)     win 65535 <mss 1000,${cookie}>
      +0     > S. 0:0(0) ack 101
      +500ms < S  0:0(0)         win 65535 <mss 1000>
      +0     > S. 0:0(0) ack 101
      +500ms > S. 0:0(0) ack 101
      +2s    > S. 0:0(0) ack 101
      +4s    ${() => {}}
    `);
    expect(h.listener!.accept()!.error?.code).toBe('ETIMEDOUT');
    expect(h.stack.tcp.connections.size).toBe(0);
  });

  // §4.2.2, 3 and 5: the text is not acknowledged, and a fresh cookie comes with the SYN+ACK.
  test.each(['raw 220a0102030405060708,raw 0101', 'raw 2206aabbccdd,raw 0101', 'raw 22120102030405060708090a0b0c0d0e0f10,raw 0101'])(
    'takes no text from who brings a wrong cookie, %s, but gives it the right one', (wrong) => {
      const h = server();
      const right = cookieFrom(h);
      h.play(tcp`
        +0     < S  0:100(100)     win 65535 <mss 1000,${wrong}>
        +0     > S. 0:0(0) ack 1
      `);
      expect(right).toContain(optionOf(h)!);
      expect([h.listener!.halfOpenCount, h.listener!.waitingCount]).toEqual([1, 0]);
    });

  // SEC-67: a cookie is its address's alone.
  test('takes no text from who borrows a cookie of another address', () => {
    const h = server();
    const cookie = cookieFrom(h);
    const other = server(16, { family: 4 });
    other.play(tcp`
      +0     < S  0:100(100)     win 65535 <mss 1000,${cookie}>
      +0     > S. 0:0(0) ack 101
    `);
    // The same secret, drawn from the same seed: now from another address.
    Object.assign(h, { peers: Object.assign(Object.create(Object.getPrototypeOf(h.peers) as object), h.peers, { w3: h.peers.w3 + 1 }) });
    h.play(tcp`
      +0     < S  0:100(100)     win 65535 <mss 1000,${cookie}>
      +0     > S. 0:0(0) ack 1
    `);
  });

  // §4.1.2: keys change; who comes with the last one is served, and given the new one.
  test('takes a cookie of the day before, and gives a new one; an older one is none', () => {
    const h = server();
    const cookie = cookieFrom(h);
    h.now = 24 * 3_600_000;
    h.play(tcp`
      +0     < S  0:100(100)     win 65535 <mss 1000,${cookie}>
      +0     > S. 0:0(0) ack 101
    `);
    const fresh = optionOf(h)!;
    expect(fresh).toMatch(/^[0-9a-f]{16}$/);
    expect(cookie).not.toContain(fresh);
    h.listener!.accept()!.end(null);
    h.now = 48 * 3_600_000;
    h.play(tcp`
      +0     < S  0:100(100)     win 65535 <mss 1000,${cookie}>
      +0     > S. 0:0(0) ack 1
    `);
  });

  // SEC-67, §5.1.
  // RFC 7413 §4.2-2.
  test('has no more than so many such connections waiting; the others are opened as always', () => {
    const h = server(2);
    const cookie = cookieFrom(h);
    const open = (acked: number): void => {
      h.peerPort++;
      h.play(tcp`
        +0     < S  0:100(100)     win 65535 <mss 1000,${cookie}>
        +0     > S. 0:0(0) ack ${acked}
      `);
    };
    open(101);
    open(101);
    open(1);
    // One that is established makes room.
    h.peerPort--;
    h.play(tcp`+0 < . 101:101(0) ack 1 win 65535`);
    h.peerPort += 5;
    open(101);
    open(1);
  });

  // SEC-67, §5.1: else the victims' own RSTs would let an attacker go on without end.
  test('counts one that was reset for a minute longer, and its application is told', () => {
    const h = server(1);
    const cookie = cookieFrom(h);
    const open = (acked: number): void => {
      h.peerPort++;
      h.play(tcp`
        +0     < S  0:100(100)     win 65535 <mss 1000,${cookie}>
        +0     > S. 0:0(0) ack ${acked}
      `);
    };
    open(101);
    h.play(tcp`+0 < R 101:101(0) win 0`);
    expect(h.listener!.accept()!.error?.code).toBe('ECONNRESET');
    open(1);
    h.play(tcp`+0 < R 1:1(0) win 0
      +59s ${() => {}}`);
    open(1);
    h.play(tcp`+0 < R 1:1(0) win 0
      +1s ${() => {}}`);
    open(101);
  });

  test('a valid cookie without text opens as always', () => {
    const h = server();
    const cookie = cookieFrom(h);
    h.play(tcp`
      +0     < S  0:0(0)         win 65535 <mss 1000,${cookie}>
      +0     > S. 0:0(0) ack 1
    `);
    expect(h.listener!.halfOpenCount).toBe(1);
  });
});

/** The peer's cookie. */
const COOKIE = '0102030405060708';

describe('the client', () => {
  const asks = (h: ScriptHost): ScriptHost => {
    h.connect({ fastOpen: true, localPort: 5000 });
    h.play(tcp`+0 > S 0:0(0)`);
    expect(optionOf(h)).toBe('');
    return h;
  };

  /** A host that has been given a cookie, and an MSS of 800. */
  const knowing = (): ScriptHost => {
    const h = asks(new ScriptHost()).play(tcp`
      +10ms  < S. 0:0(0) ack 1 win 65535 <mss 800,raw 220a${COOKIE},raw 0101>
      +0     > .  1:1(0) ack 1
      +0     < R. 1:1(0) ack 1 win 0
    `);
    h['tsOffset'] = null;
    return h;
  };

  const writes = (h: ScriptHost, bytes: number): ScriptHost => {
    h.connect({ fastOpen: true, localPort: 5001 });
    h.send(bytes);
    return h;
  };

  // SEC-67.
  // RFC 7413 §2-1.
  test('that was not told to does not ask', () => {
    const h = new ScriptHost().connect().play(tcp`+0 > S 0:0(0)`);
    expect(optionOf(h)).toBeNull();
  });

  // RFC 7413 §4.2.1-1, §4.2.2-1.
  test('asks the first time, and the text goes after the handshake', () => {
    const h = writes(new ScriptHost(), 100).play(tcp`
      +0     > S  0:0(0)
      +10ms  < S. 0:0(0) ack 1 win 65535 <mss 800,raw 220a${COOKIE},raw 0101>
      +0     > P. 1:101(100) ack 1
    `);
    expect(h.connection!.state).toBe('ESTABLISHED');
  });

  // RFC 7413 §4.1.3-1, §4.2.2-6.
  test('sends text with the SYN the next time, and goes on behind it', () => {
    const h = writes(knowing(), 100).play(tcp`+0 > S 0:100(100) win 65535`);
    expect(optionOf(h)).toBe(COOKIE);
    h.play(tcp`
      +10ms  < S. 0:0(0) ack 101 win 65535 <mss 800>
      +0     > .  101:101(0) ack 1
      +0     ${() => h.send(50)}
      +0     > P. 101:151(50) ack 1
      +10ms  < .  1:1(0) ack 151 win 65535
    `);
    expect([h.connection!.state, h.connection!.unacknowledged, h.connection!.timers.retransmitAt]).toEqual(['ESTABLISHED', 0, NEVER]);
    expect(h.connection!.rto.minRttMs).toBe(10);
  });

  // §4.2.2, 1 b: as large as the server said, less the options.
  test('sends no more with the SYN than the server said it takes', () => {
    const h = writes(knowing(), 5000);
    const options = 20 + 12;
    h.play(tcp`
      +0     > S  0:${800 - options}(${800 - options})
      +10ms  < S. 0:0(0) ack ${801 - options} win 65535 <mss 800>
      +0     > .  ${801 - options}:${1601 - options}(800) ack 1
      +0     > .  ${1601 - options}:${2401 - options}(800) ack 1
      +0     > .  ${2401 - options}:${3201 - options}(800) ack 1
      +0     > .  ${3201 - options}:${4001 - options}(800) ack 1
      +0     > .  ${4001 - options}:${4801 - options}(800) ack 1
      +0     > P. ${4801 - options}:5001(${200 + options}) ack 1
    `);
  });

  // §4.2.2: "The client SHOULD retransmit any unacknowledged data in the first ACK packet."
  // RFC 7413 §4.2.2-5, §4.1.3.1-1.
  test('sends text that was not taken again with the first ACK, and does not try again for an hour', () => {
    const h = writes(knowing(), 100).play(tcp`
      +0     > S  0:100(100)
      +10ms  < S. 0:0(0) ack 1 win 65535 <mss 800>
      +0     > P. 1:101(100) ack 1
      +0     < R. 1:1(0) ack 1 win 0
    `);
    h['tsOffset'] = null;
    const again = (option: string | null): void => {
      h.connect({ fastOpen: true, localPort: 5002 }).play(tcp`+0 > S 0:0(0)`);
      expect(optionOf(h)).toBe(option);
      h['tsOffset'] = null;
      h.connection!.abort();
    };
    again(null);
    h.now += 3_599_000;
    again(null);
    h.now += 1_100;
    again('');
  });

  test('sends again what was taken only in part', () => {
    writes(knowing(), 100).play(tcp`
      +0     > S  0:100(100)
      +10ms  < S. 0:0(0) ack 41 win 65535 <mss 800>
      +0     > P. 41:101(60) ack 1
    `);
  });

  // §4.2.2, §7.1: a path that swallows SYNs with text or options must not keep us out.
  // RFC 7413 §4.2.2-2.
  test('repeats the SYN without text and without the option; what answers it says that the path is not fit for it', () => {
    const h = writes(knowing(), 100).play(tcp`
      +0     > S  0:100(100)
      +1s    > S  0:0(0)
    `);
    expect(optionOf(h)).toBeNull();
    h.play(tcp`
      +10ms  < S. 0:0(0) ack 1 win 65535 <mss 800>
      +0     > P. 1:101(100) ack 1
      +0     < R. 1:1(0) ack 1 win 0
    `);
    h['tsOffset'] = null;
    h.connect({ fastOpen: true, localPort: 5003 }).play(tcp`+0 > S 0:0(0)`);
    expect(optionOf(h)).toBeNull();
  });

  // §4.1.3.1: "most importantly, no response at all".
  // RFC 7413 §4.1.3.1-1.
  test('does not try again where nobody answered', () => {
    const h = knowing();
    h.connect({ fastOpen: true, localPort: 5001, synRetries: 0 });
    h.send(100);
    h.play(tcp`
      +0     > S  0:100(100)
      +1s    ${(c) => expect(c.error?.code).toBe('ETIMEDOUT')}
    `);
    h['tsOffset'] = null;
    h.connect({ fastOpen: true, localPort: 5002 }).play(tcp`+0 > S 0:0(0)`);
    expect(optionOf(h)).toBeNull();
  });

  test('believes no acknowledgment of more than the SYN carried', () => {
    const h = writes(knowing(), 100).play(tcp`
      +0     > S  0:100(100)
      +10ms  < S. 0:0(0) ack 102 win 65535 <mss 800>
      +0     > R  102:102(0)
    `);
    expect(h.connection!.state).toBe('SYN-SENT');
  });

  test('is refused by a RST that acknowledges SYN and text', () => {
    const h = writes(knowing(), 100).play(tcp`
      +0     > S  0:100(100)
      +10ms  < R. 0:0(0) ack 101 win 0
    `);
    expect(h.connection!.error?.code).toBe('ECONNREFUSED');
  });
});
