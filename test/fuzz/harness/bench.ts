// A stack with one interface and nobody behind it but the fuzzer. After every step: I1 – I12 of what can be seen from here.

import { type Device, type FrameSink, NO_OFFLOAD } from '../../../src/link/device.js';
import { type Packet, packetOf } from '../../../src/packet.js';
import { SeededRandom } from '../../../src/random.js';
import { Stack, type StackOptions } from '../../../src/stack.js';
import type { Connection } from '../../../src/tcp/connection.js';
import { isSynchronized } from '../../../src/tcp/state.js';
import { NEVER } from '../../../src/time.js';
import { ensure, Finding } from './failure.js';
import { checkAnswers, readOurs, type Seen } from './on-the-wire.js';

export const OURS = { 4: '10.0.0.2', 6: 'fd00::2' } as const;
export const PEERS = { 4: '10.0.0.1', 6: 'fd00::1' } as const;

/** I9: polls without time passing. */
const POLLS_AT_ONCE_MAX = 1000;
/** I8: packets for one that arrives; an echo of a superpacket cut into fragments is the most. */
const ANSWERS_MAX = 200;

export interface BenchOptions extends StackOptions {
  readonly medium?: 'ip' | 'ethernet';
  readonly mtu?: number;
  readonly seed?: number;
}

export class Bench implements Device {
  readonly name = 'fuzz';
  readonly medium: 'ip' | 'ethernet';
  readonly mtu: number;
  readonly linkAddress: Uint8Array | null;
  readonly offload = NO_OFFLOAD;
  readonly stack: Stack;
  now = 1000;
  /** What left since the last `take`. */
  sent: Seen[] = [];
  /** FNV-1a over all that left, and when. */
  hash = 0x811c_9dc5;
  /** I12: somebody is inside a call of ours. */
  isCalling = false;
  private sink: FrameSink | null = null;
  private readonly watched = new Map<Connection, { nxt: number; edge: number; una: number }>();

  constructor({ medium = 'ip', mtu = 1500, seed = 1, ...options }: BenchOptions = {}) {
    this.medium = medium;
    this.mtu = mtu;
    this.linkAddress = medium === 'ethernet' ? Uint8Array.of(2, 0, 0, 0, 0, 2) : null;
    this.stack = new Stack({
      random: new SeededRandom(seed), now: this.now, onApplicationError: (error) => {
        throw error;
      }, ...options,
    });
    this.stack.clock = () => this.now;
    this.stack.addInterface(this, { addresses: [`${OURS[4]}/24`, `${OURS[6]}/64`] });
  }

  attach(sink: FrameSink): void {
    this.sink = sink;
  }

  close(): void {}

  transmit(packet: Packet): boolean {
    const bytes = packet.bytes.slice(packet.start, packet.end);
    packet.release();
    this.note(bytes);
    if (this.medium === 'ip') {
      this.sent.push(readOurs(bytes, this.mtu));
    } else {
      ensure(bytes.length >= 14 && bytes.length <= 14 + this.mtu, 'I7: a frame that the link does not take');
      const type = bytes[12]! * 256 + bytes[13]!;
      if (type === 0x0800 || type === 0x86dd) this.sent.push(readOurs(unpadded(bytes.subarray(14)), this.mtu));
      else ensure(type === 0x0806 && bytes.length >= 42, `I7: a frame of type ${type}`);
    }
    return true;
  }

  private note(bytes: Uint8Array): void {
    let h = Math.imul(this.hash ^ Math.floor(this.now * 1000), 0x0100_0193);
    for (const byte of bytes) h = Math.imul(h ^ byte, 0x0100_0193);
    this.hash = h >>> 0;
  }

  /** A call of the user's, during which nobody is called back (I12). */
  call<T>(run: () => T): T {
    this.isCalling = true;
    try {
      return run();
    } finally {
      this.isCalling = false;
    }
  }

  /** For callbacks: I12. */
  calledBack(): void {
    ensure(!this.isCalling, 'I12: called back in the middle of a call');
  }

  /** One frame arrives, and the stack does what it does. */
  receive(bytes: Uint8Array): readonly Seen[] {
    this.sent = [];
    this.sink!.receive(packetOf(bytes));
    this.sink!.batchEnd();
    this.settle();
    const { sent } = this;
    ensure(sent.length <= ANSWERS_MAX, () => `I8: ${sent.length} packets for one`);
    if (sent.length > 0) checkAnswers(this.medium === 'ip' ? bytes : bytes.subarray(14), sent);
    return sent;
  }

  /** Poll until nothing is to be done at once; then look at everything. */
  settle(): void {
    for (let polls = 0; ; polls++) {
      this.stack.poll(this.now);
      if (this.stack.nextTimeout() > this.now) break;
      ensure(polls < POLLS_AT_ONCE_MAX, 'I9: does not come to rest');
    }
    this.check();
  }

  /** Let `ms` pass, each deadline at its time. */
  advance(ms: number): void {
    const until = this.now + ms;
    this.sent = [];
    for (let steps = 0; steps < 10_000; steps++) {
      const next = this.stack.nextTimeout();
      if (next > until) break;
      this.now = Math.max(this.now, next);
      this.settle();
    }
    this.now = until;
    this.settle();
  }

  /** Until nothing will ever happen any more. @throws Finding when that never is */
  sleep(): void {
    for (let steps = 0; steps < 20_000; steps++) {
      const next = this.stack.nextTimeout();
      if (next === NEVER) return;
      this.now = Math.max(this.now, next);
      this.settle();
    }
    throw new Finding('never sleeps');
  }

  check(): void {
    const { stack, watched } = this;
    for (const { name, max, used, unit } of stack.limits.all()) {
      if (unit !== 'per second') ensure(used() <= max, () => `I10: ${name} is ${used()} of ${max}`);
    }
    for (const c of stack.tcp.connections) {
      c.check();
      checkConnection(c);
      const before = watched.get(c);
      const state = { nxt: c.rcv.nxt as number, edge: c.rcv.edge as number, una: c.snd.una as number };
      if (before !== undefined && isSynchronized(c.state)) {
        ensure(((state.nxt - before.nxt) | 0) >= 0, 'I2: RCV.NXT went back');
        ensure(((state.edge - before.edge) | 0) >= 0, 'I2: the right edge of the window went back');
        ensure(((state.una - before.una) | 0) >= 0, 'I1: SND.UNA went back');
      }
      // What comes before its first numbers are known says nothing.
      if (isSynchronized(c.state)) watched.set(c, state);
    }
    for (const [c] of watched) {
      if (c.state !== 'CLOSED' && c.state !== 'TIME-WAIT') continue;
      ensure(deadlineOf(c) === NEVER && (c['entry']?.deadline ?? NEVER) === NEVER, 'I6: a timer of a connection that is no more');
      watched.delete(c);
    }
    stack['wheel'].check();
    stack.ip.reassembly.check();
  }
}

/** I1, I4 and I5, beside what `Connection.check` says of I3. */
export function checkConnection(c: Connection): void {
  if (!isSynchronized(c.state)) return;
  // Looked at where they lie: to ask for them would make them.
  const { snd } = c;
  const timers = c['armed'];
  const congestion = c['controller'];
  const inFlight = (snd.nxt - snd.una) | 0;
  // A FIN counts; and a probe of a shut window is a byte beyond it.
  ensure(inFlight >= 0 && inFlight <= Math.max(snd.maxWnd, 1) + 1, () => `I1: ${inFlight} in flight, and never more than ${snd.maxWnd} offered`);
  ensure(congestion === null || (congestion.cwnd >= 1 && congestion.cwnd < 2 ** 31), () => `I4: a congestion window of ${congestion?.cwnd}`);
  if (inFlight > 0 && !c.isReady) {
    ensure(timers !== null && Math.min(timers.retransmitAt, timers.rackAt, timers.persistAt) !== NEVER, 'I5: text in flight and no timer');
  }
  const next = deadlineOf(c);
  ensure(next === NEVER || (c['entry']?.deadline ?? NEVER) <= next, 'I5: a deadline that the wheel does not know');
  if (c.ackOwed && !c.isReady && !c.ackNow) ensure(timers !== null && timers.delayedAckAt !== NEVER, 'I5: an ACK is owed, and nothing reminds of it');
}

const deadlineOf = (c: Connection): number => c['armed']?.next() ?? NEVER;

/** Ethernet pads to 60 bytes. */
function unpadded(b: Uint8Array): Uint8Array {
  const length = b[0]! >> 4 === 4 ? b[2]! * 256 + b[3]! : 40 + b[4]! * 256 + b[5]!;
  return b.subarray(0, Math.min(b.length, length));
}
