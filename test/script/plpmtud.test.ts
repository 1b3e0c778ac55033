// Paths that swallow what is too large for them, without a word. RFC 4821 §7.7; RFC 9293 §3.7.1 (MUST-16).

import { describe, expect, test } from 'vitest';

import { ScriptHost, tcp } from '../../src/testing/script.js';
import { burst, established } from '../fixtures/established.js';

// 1200 bytes of IPv4 packet are 1160 of text, 1280 of IPv6 are 1220.
test.each([[4, 1460, 1160], [6, 1440, 1220]] as const)('over IPv%i, the third timeout of full segments makes them small', (family, full, small) => {
  const h = established({ family, syn: `mss ${full}` });
  h.play(tcp`
    +0     ${() => h.send(3 * full)}
    +0     > .  1:${1 + full}(${full})                     ack 1
    +0     > .  ${1 + full}:${1 + 2 * full}(${full})       ack 1
    +0     > P. ${1 + 2 * full}:${1 + 3 * full}(${full})   ack 1
    +220ms > .  1:${1 + full}(${full})                     ack 1
    +440ms > .  1:${1 + full}(${full})                     ack 1
    +880ms > .  1:${1 + small}(${small})                   ack 1
  `);
  expect(h.connection!.snd.smss).toBe(small);
  // After an idle time, too; and a report that allows more allows no more than to probe (RFC 8899 §4.6.2: the PLPMTU is not updated).
  const at = 1 + 3 * full;
  h.play(tcp`
    +20ms  < .  1:1(0)                                     ack ${at}
    +10s   ${() => h.send(2 * small)}
    +0     > .  ${at}:${at + small}(${small})              ack 1
    +0     > P. ${at + small}:${at + 2 * small}(${small})  ack 1
    +0     ${() => (family === 4 ? h.icmp(3, 4, at, 1400) : h.icmp(2, 0, at, 1400))}
    +20ms  < .  1:1(0)                                     ack ${at + 2 * small}
    +0     ${() => h.send(100)}
    +0     > P. ${at + 2 * small}:${at + 2 * small + 100}(100) ack 1
  `);
  expect(h.connection!.snd.smss).toBe(small);
});

test('small segments that are lost say nothing of the path', () => {
  const h = established({ syn: 'mss 1460' });
  h.play(tcp`
    +0     ${() => h.send(100)}
    +0     > P. 1:101(100) ack 1
    +220ms > P. 1:101(100) ack 1
    +440ms > P. 1:101(100) ack 1
    +880ms > P. 1:101(100) ack 1
    +1760ms > P. 1:101(100) ack 1
    +20ms  < .  1:1(0)     ack 101
  `);
  expect(h.connection!.snd.smss).toBe(1460);
});

test('nor do timeouts with progress between them', () => {
  const h = established({ syn: 'mss 1000' });
  h.play(tcp`
    +0     ${() => h.send(4000)}
    +0     > .  1:1001(1000)    ack 1
    +0     > .  1001:2001(1000) ack 1
    +0     > .  2001:3001(1000) ack 1
    +0     > P. 3001:4001(1000) ack 1
    +220ms > .  1:1001(1000)    ack 1
    +440ms > .  1:1001(1000)    ack 1
  `);
  expect(h.connection!.plpmtud!['timeouts']).toBe(2);
  h.mangled(tcp`+0 < . 1:1(0) ack 1001`, () => {});
  expect(h.connection!.plpmtud!['timeouts']).toBe(0);
});

test('who wants no probing keeps what the link takes', () => {
  const h = established({ syn: 'mss 1460', listen: { mtuProbing: 'off' } });
  h.play(tcp`
    +0     ${() => h.send(1460)}
    +0     > P. 1:1461(1460) ack 1
    +220ms > P. 1:1461(1460) ack 1
    +440ms > P. 1:1461(1460) ack 1
    +880ms > P. 1:1461(1460) ack 1
  `);
});

test('a largest segment that the application sets is offered, and kept to', () => {
  const h = new ScriptHost().listen({ maxSegment: 700 });
  h.play(tcp`
    +0    < S  0:0(0)  win 65535 <mss 1460>
    +0    > S. 0:0(0)  ack 1     <mss 700>
    +20ms < .  1:1(0)  ack 1     win 65535
    +0    ${() => h.send(2100)}
    ${burst(1, 1401, 700)}
    +0    > P. 1401:2101(700) ack 1
  `);
});

// CVE-2019-11479.
test('a largest segment of next to nothing is 216 bytes', () => {
  const h = new ScriptHost().listen({ maxSegment: 1 });
  h.play(tcp`
    +0    < S  0:0(0)  win 65535 <mss 1460>
    +0    > S. 0:0(0)  ack 1     <mss 216>
    +20ms < .  1:1(0)  ack 1     win 65535
    +0    ${() => h.send(432)}
    +0    > .  1:217(216)    ack 1
    +0    > P. 217:433(216)  ack 1
  `);
});

describe('probes, RFC 4821 §7.4 to §7.6', () => {
  /** A connection that begins with 1200 bytes, and a peer that takes 1500. */
  const searching = (): ScriptHost => {
    const h = established({ syn: 'mss 1460,sackOK', listen: { mtuProbing: 'always' } });
    expect(h.connection!.snd.smss).toBe(1160);
    return h;
  };

  test('a larger segment leaves before others; when it is acknowledged, all are as large', () => {
    const h = searching();
    h.play(tcp`
      +0     ${() => h.send(1460 + 4 * 1160)}
      +0     > .  1:1461(1460)    ack 1
      +0     > .  1461:2621(1160) ack 1
      +0     > .  2621:3781(1160) ack 1
      +0     > .  3781:4941(1160) ack 1
      +0     > P. 4941:6101(1160) ack 1
      +20ms  < .  1:1(0)          ack 6101
      +0     ${() => h.send(2920)}
      +0     > .  6101:7561(1460) ack 1
      +0     > P. 7561:9021(1460) ack 1
    `);
    expect(h.connection!.snd.smss).toBe(1460);
  });

  test('one that is lost alone goes again in small segments, and the window stays', () => {
    const h = searching();
    h.play(tcp`
      +0     ${() => h.send(1460 + 4 * 1160)}
      +0     > .  1:1461(1460)    ack 1
      +0     > .  1461:2621(1160) ack 1
      +0     > .  2621:3781(1160) ack 1
      +0     > .  3781:4941(1160) ack 1
      +0     > P. 4941:6101(1160) ack 1
    `);
    const { cwnd, ssthresh } = h.connection!.congestion;
    h.play(tcp`
      +20ms  < .  1:1(0)          ack 1 <sack 1461:2621>
      +1ms   < .  1:1(0)          ack 1 <sack 1461:3781>
      +1ms   < .  1:1(0)          ack 1 <sack 1461:4941>
      +0     > .  1:1161(1160)    ack 1
      +0     > .  1161:1461(300)  ack 1
      +20ms  < .  1:1(0)          ack 6101
    `);
    expect(h.connection!.recovery.phase).toBe('open');
    expect(h.connection!.congestion.cwnd).toBeGreaterThanOrEqual(cwnd);
    expect(h.connection!.congestion.ssthresh).toBe(ssthresh);
    expect(h.connection!.snd.smss).toBe(1160);
    // It is tried again: one loss may be anything.
    h.play(tcp`
      +0     ${() => h.send(1460 + 3 * 1160)}
      +0     > .  6101:7561(1460)  ack 1
      +0     > .  7561:8721(1160)  ack 1
      +0     > .  8721:9881(1160)  ack 1
      +0     > P. 9881:11041(1160) ack 1
    `);
  });

  test('one that is lost with others is a loss like any other', () => {
    const h = searching();
    h.play(tcp`
      +0     ${() => h.send(1460 + 5 * 1160)}
      +0     > .  1:1461(1460)    ack 1
      +0     > .  1461:2621(1160) ack 1
      +0     > .  2621:3781(1160) ack 1
      +0     > .  3781:4941(1160) ack 1
      +0     > .  4941:6101(1160) ack 1
      +0     > P. 6101:7261(1160) ack 1
    `);
    h.mangled(tcp`+20ms < . 1:1(0) ack 1 <sack 2621:7261>`, () => {});
    expect(h.connection!.recovery.phase).toBe('recovery');
    expect(h.connection!.plpmtud!.probeSize).toBe(0);
    expect(h.connection!.plpmtud!['lost']).toBe(0);
  });

  test('none leaves without enough text behind it to tell its loss', () => {
    const h = searching();
    h.play(tcp`
      +0     ${() => h.send(1460 + 3 * 1160 - 1)}
      +0     > .  1:1161(1160)    ack 1
      +0     > .  1161:2321(1160) ack 1
      +0     > .  2321:3481(1160) ack 1
      +0     > .  3481:4641(1160) ack 1
      +0     > P. 4641:4940(299)  ack 1
    `);
  });

  test('none leaves without SACK', () => {
    const h = established({ syn: 'mss 1460', listen: { mtuProbing: 'always' } });
    h.play(tcp`
      +0     ${() => h.send(5800)}
      +0     > .  1:1161(1160)    ack 1
      +0     > .  1161:2321(1160) ack 1
      +0     > .  2321:3481(1160) ack 1
      +0     > .  3481:4641(1160) ack 1
      +0     > P. 4641:5801(1160) ack 1
    `);
  });
});
