// Opening under pressure: the SYN cache, SYN cookies, fast open, and limits for what is no connection. RFC 4987, RFC 7413.

import type { Mutant } from '../../tools/mutants/mutant.js';

const listener = 'src/tcp/listener.ts';
const handshake = 'test/script/handshake.test.ts';
const flood = 'test/script/syn-flood.test.ts';
const listening = 'test/script/listener.test.ts';
const fastOpening = 'test/script/fast-open.test.ts';
const arrival = 'test/script/arrival.test.ts';
const PKT = 'test/unit/testing/packetdrill/run.test.ts';

const cookie = { file: 'src/tcp/syn-cookie.ts', test: 'test/unit/tcp/syn-cookie.test.ts', sec: 'SEC-53' } as const;
const cache = { file: 'src/tcp/syn-cache.ts', test: 'test/unit/tcp/syn-cache.test.ts' } as const;
const halfOpen = { file: 'src/tcp/half-open.ts', test: listening } as const;
const fastOpen = { file: 'src/tcp/fast-open.ts', test: fastOpening } as const;

export const SYN_COOKIE: readonly Mutant[] = [
  { ...cookie, text: 'if (age > SLOTS_MAX) return 0;', replacement: 'if (age > SLOTS_MAX + 1) return 0;', title: 'and then no more' },
  { ...cookie, text: 'this.words[10] = irs;', replacement: '', title: 'another first number' },
  { ...cookie, text: 'this.words[9] = slot;', replacement: '', title: 'is good in its slot' },
  { ...cookie, text: 'MSS_TABLE[index]! > mss', replacement: 'MSS_TABLE[index]! >= mss', title: 'never more than was offered' },
  { ...cookie, text: '> 0 ? stamp - OPTION_MASK - 1 : stamp', replacement: '> 0 ? stamp : stamp', title: 'is never ahead of the clock' },
  { file: listener, test: flood, text: 'seg.options.tsEcr = 0;', replacement: '', title: 'no round trip is read from it' },
  { file: listener, test: flood, text: 'now - this.cookieAt >= COOKIE_MS || ', replacement: '', title: 'are not looked for' },
  { file: listener, test: flood, text: 'timeWaitRow < 0 && (synCookies', replacement: '(synCookies', title: 'in place of a connection in TIME-WAIT' },
  {
    file: listener, test: flood, sec: 'SEC-53', title: 'a hundred thousand SYNs',
    text: 'this.halfOpenCount >= tcp.options.halfOpen', replacement: 'this.halfOpenCount > tcp.options.halfOpen',
  },
];

export const SYN_CACHE: readonly Mutant[] = [
  { ...cache, text: 'this.owners[row]!.halfOpenCount--;', replacement: '', title: 'the cache is a list' },
  { ...cache, text: 'this.setAmbiguous(row);\n    this.await', replacement: 'this.await', title: 'knows whether its answer measures anything' },
  { ...halfOpen, test: handshake, text: 'this.cache.setAmbiguous(row);', replacement: '', title: 'gives no round-trip time' },
  { ...halfOpen, test: handshake, text: 'c.synLosses = cache.isHeard(row) ? 0 : cache.repeats(row);', replacement: '', title: 'to begin with' },
  {
    ...halfOpen, test: handshake, title: 'is repeated five times',
    text: '!isWaitedFor && cache.repeats(row) >= listener.synAckRetries', replacement: '!isWaitedFor && cache.repeats(row) > listener.synAckRetries',
  },
  {
    ...halfOpen, test: arrival, title: 'a RST elsewhere in the window is challenged',
    text: 'if (seg.seq === Seq.add(h.irs, 1)) return this.remove(row);', replacement: 'return this.remove(row);',
  },
  {
    ...halfOpen, test: arrival, title: 'a SYN in the window leads back to LISTEN',
    text: "counters.drop('tcp-challenged');\n      return this.remove(row);", replacement: "return counters.drop('tcp-challenged');",
  },
  {
    ...halfOpen, sec: 'SEC-53', title: 'that acknowledges what we did not send stays half-open',
    text: 'if (seg.ack !== Seq.add(h.iss, 1)) {', replacement: 'if (Seq.le(seg.ack, h.iss)) {',
  },
  { ...halfOpen, text: 'tsBefore(seg.options.tsVal, h.tsRecent)', replacement: 'false', title: 'is judged by them (PAWS)' },
  { ...halfOpen, sec: 'SEC-53', text: 'if (!listener.hasRoom) {', replacement: 'if (false) {', title: 'a handshake is not done' },
  {
    file: listener, test: 'test/script/timestamps.test.ts', sec: 'SEC-70', title: 'our clock is shifted at random',
    text: "h.tsOffset = tcp.env.random.u32() | 0;\n    // RFC 7413", replacement: 'h.tsOffset = 0;\n    // RFC 7413',
  },
  { file: listener, test: listening, sec: 'SEC-53', text: "if (!this.hasRoom) return counters.drop('tcp-listen-overflow');", replacement: '', title: 'a SYN is not heard' },
  { ...halfOpen, text: 'seq !== this.cache.iss(row)', replacement: 'false', title: 'only with its number' },
  { ...halfOpen, text: 'if (isHard) this.remove(row);', replacement: 'this.remove(row);', title: 'that are hard end a half-open connection' },
  { ...halfOpen, text: 'this.emit(row, h, Wire.RST | Wire.ACK, now);', replacement: '', title: 'is reset by the close of its listener' },
  { ...halfOpen, test: PKT, text: 'cache.isHeard(row) ? 0 : cache.repeats(row)', replacement: 'cache.repeats(row)', title: 'defer-accept-text' },
  { ...halfOpen, test: PKT, text: 'if (now < this.deferredUntil(row)) return;', replacement: '', title: 'defer-accept.pkt' },
  { ...halfOpen, test: PKT, text: 'cache.isHeard(row) && !cache.isHurried(row)', replacement: '!cache.isHurried(row)', title: 'defer-accept.pkt' },
  { ...halfOpen, text: 'cache.setHurried(row);', replacement: '', title: 'who stays mute is asked once more' },
  { ...halfOpen, text: 'if (this.cache.isHeard(row)) this.emit', replacement: 'this.emit', title: 'is forgotten with its listener' },
  {
    ...halfOpen, title: 'had to wait for room',
    text: "cache.setHeard(row);\n      tcp.env.counters.drop('tcp-accept-overflow');", replacement: "tcp.env.counters.drop('tcp-accept-overflow');",
  },
  {
    ...halfOpen, title: 'is forgotten with its listener',
    text: 'if (this.cache.size === 0) this.tcp.env.wheel.cancel(this.timer);', replacement: '',
  },
  {
    file: 'src/tcp/tuple-rows.ts', test: listening, sec: 'SEC-62', title: 'a second, whatever comes',
    text: 'if (count >= ANSWERS_MAX) return false;', replacement: '',
  },
  {
    file: 'src/tcp/tcp.ts', test: listening, sec: 'SEC-62', title: 'TIME-WAIT answers ten times a second',
    text: 'if (t.mayAnswer(row, now)) emitFromTimeWait', replacement: 'if (true) emitFromTimeWait',
  },
];

export const FAST_OPEN: readonly Mutant[] = [
  { ...fastOpen, sec: 'SEC-67', text: 'w[3] = client.w3;', replacement: '', title: 'borrows a cookie of another address' },
  { ...fastOpen, text: "slot - 1, b, at) ? 'old'", replacement: "slot - 1, b, at) ? 'bad'", title: 'a cookie of the day before' },
  { ...fastOpen, text: "if (length !== COOKIE_LENGTH) return 'bad';", replacement: '', title: 'a wrong cookie' },
  { ...fastOpen, text: 'if (now < entry.avoidUntil) return null;', replacement: '', title: 'does not try again' },
  { file: listener, test: fastOpening, sec: 'SEC-67', text: "c.error?.code === 'ECONNRESET'", replacement: 'false', title: 'counts one that was reset' },
  { file: listener, test: fastOpening, sec: 'SEC-67', text: 'this.fastOpens--;', replacement: '', title: 'has no more than so many' },
  { file: listener, test: fastOpening, sec: 'SEC-67', text: 'this.fastOpens++;', replacement: '', title: 'has no more than so many' },
  { file: listener, test: fastOpening, text: 'c.settings = tcp.settings.derive(c.settings, { synRetries: this.synAckRetries });', replacement: '', title: 'tells when nobody answers' },
  { ...halfOpen, test: fastOpening, text: 'if (cache.repeats(row) > 0) h.wantsFastOpen = false;', replacement: '', title: 'leaves the option away' },
  { file: 'src/tcp/arrival.ts', test: fastOpening, text: 'c.fastOpen?.text ?? 0', replacement: '0', title: 'and goes on behind it' },
  {
    file: 'src/tcp/arrival.ts', test: fastOpening, title: 'believes no acknowledgment of more',
    text: 'c.fastOpen?.text ?? 0', replacement: '(c.fastOpen?.text ?? 0) + 1',
  },
  { file: 'src/tcp/emit.ts', test: fastOpening, text: 'c.synLosses === 0 ? c.fastOpen : null', replacement: 'c.fastOpen', title: 'repeats the SYN without' },
  { file: 'src/tcp/emit.ts', test: fastOpening, text: 'mss - optionBytes', replacement: 'mss', title: 'sends no more with the SYN' },
];
