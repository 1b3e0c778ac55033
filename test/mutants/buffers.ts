// How much a connection may hold, what it tells of text that came twice, and how large its packets are. RFC 9293 §3.8.6,
// RFC 7323 §2.3, RFC 2883 §4, RFC 4821, RFC 8899.

import type { Mutant } from '../../tools/mutants/mutant.js';

const buffers = { file: 'src/tcp/buffers.ts', test: 'test/script/autotune.test.ts' } as const;
const dsack = { file: 'src/tcp/dsack.ts', test: 'test/script/dsack.test.ts' } as const;
const plpmtud = { file: 'src/tcp/plpmtud.ts', test: 'test/unit/tcp/plpmtud.test.ts' } as const;

export const BUFFERS: readonly Mutant[] = [
  {
    ...buffers, test: 'test/script/handshake.test.ts', title: 'the shift counts from the first',
    text: '0xffff << shift < bytes', replacement: '0x7fff << shift < bytes',
  },
  {
    ...buffers, title: 'the receive buffer does not grow beyond its limit',
    text: 'c.receiveBuffer = Math.min(wanted, max);', replacement: 'c.receiveBuffer = wanted;',
  },
  { ...buffers, text: 'if (c.settings.fixesSendBuffer || ', replacement: 'if (', title: 'the send buffer keeps the size that the application fixed' },
  {
    ...buffers, title: 'the send buffer does not grow beyond its limit',
    text: 'c.sendBuffer = Math.min(wanted, max);', replacement: 'c.sendBuffer = wanted;',
  },
  { ...buffers, text: 'c.rto.minRttMs * PATH_RATE_MAX', replacement: 'Infinity', title: 'does not grow beyond 32 Gb/s times the round trip' },
  { ...buffers, text: 'isDone ? 0 : ', replacement: '', title: 'is free when a connection has ended' },
  { ...buffers, text: ' + (c.assembler?.bytes ?? 0)', replacement: '', title: 'is counted' },
  {
    ...buffers, title: 'no more than four segments are offered anew',
    text: 'Math.min(room, TIGHT_SEGMENTS * c.rcv.rmss)', replacement: 'room',
  },
  { ...buffers, text: 'Math.min(c.sendBuffer, TIGHT_SEND_MAX)', replacement: 'c.sendBuffer', title: 'no more than 16 KiB wait to be sent' },
];

export const DSACK: readonly Mutant[] = [
  {
    ...dsack, title: 'partial duplicates',
    text: 'Seq.min(Seq.add(seg.seq, seg.payloadLength), c.rcv.nxt)', replacement: 'Seq.add(seg.seq, seg.payloadLength)',
  },
  {
    ...dsack, title: 'without SACK permitted nothing is reported',
    text: 'if (!c.sackPermitted || Seq.ge(start, end)) return;', replacement: 'if (Seq.ge(start, end)) return;',
  },
  { ...dsack, text: 'c.rcv.dsackOwed = false;', replacement: '', title: 'is reported first, and once' },
  { ...dsack, text: 'if (rcv.dsackOwed) emitAck(c, now);', replacement: '', title: 'are reported each in an ACK of its own' },
  { ...dsack, text: 'rcv.dsackEnd = Seq.max(rcv.dsackEnd, end);', replacement: '', title: 'are one when they follow each other' },
];

export const PLPMTUD: readonly Mutant[] = [
  {
    ...plpmtud, test: 'test/script/plpmtud.test.ts', title: 'the third timeout of full segments',
    text: '++this.timeouts < most', replacement: '++this.timeouts < most - 1',
  },
  {
    ...plpmtud, test: 'test/script/plpmtud.test.ts', title: 'timeouts with progress between them',
    text: 'onProgress(): void {\n    this.timeouts = 0;', replacement: 'onProgress(): void {',
  },
  { ...plpmtud, text: "this.mode === 'off' || ", replacement: '', test: 'test/script/plpmtud.test.ts', title: 'who wants no probing' },
  { ...plpmtud, text: 'if (this.lost < MAX_PROBES) {', replacement: 'if (false) {' },
  { ...plpmtud, text: 'this.high = Math.max(this.low, this.probeSize - 1);', replacement: '' },
  { ...plpmtud, text: 'this.low = Math.max(this.low, this.probeSize);', replacement: '' },
  { ...plpmtud, text: 'this.isFound ? now + RAISE_MS : 0', replacement: '0' },
  { ...plpmtud, text: 'this.low = Math.min(this.low, max);', replacement: '' },
];
