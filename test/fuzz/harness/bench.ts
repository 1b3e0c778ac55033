// A stack with one interface and nobody behind it but the fuzzer. After every step: I1 – I12 of what can be seen from here.

import { type Device, type FrameSink, NO_OFFLOAD } from '../../../src/link/device.js';
import { type Packet, packetOf } from '../../../src/packet.js';
import { SeededRandom } from '../../../src/random.js';
import { Stack, type StackOptions } from '../../../src/stack.js';
import { isSynchronized } from '../../../src/tcp/state.js';
import { NEVER } from '../../../src/time.js';
import { ensure, Finding } from './failure.js';
import { Invariants } from './invariants.js';
import { checkAnswers, readOurs, type Seen, segmentOf } from './on-the-wire.js';

export const OURS = { 4: '10.0.0.2', 6: 'fd00::2' } as const;
export const PEERS = { 4: '10.0.0.1', 6: 'fd00::1' } as const;

/** I9: polls without time passing. */
const POLLS_AT_ONCE_MAX = 1000;
/** I8: packets for one that arrives; an echo of a superpacket cut into fragments is the most. */
const ANSWERS_MAX = 200;
/** I8: SYN+ACK for SYN, an error with its quotation; and what waited for somebody's address, or was told of before. */
const AMPLIFICATION_MAX = 3;
const SLACK_BYTES = 5000;
/** I9: deadlines in one step. */
const DEADLINES_MAX = 10_000;

export interface BenchOptions extends StackOptions {
  readonly medium?: 'ip' | 'ethernet';
  readonly mtu?: number;
  readonly seed?: number;
  /** The peers are routers to everywhere. Default false. */
  readonly isRouted?: boolean;
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
  private readonly invariants: Invariants;
  /** I8: bytes from and to those of whom we know nothing. */
  private heard = 0;
  private answered = 0;

  constructor({ medium = 'ip', mtu = 1500, seed = 1, isRouted = false, ...options }: BenchOptions = {}) {
    this.medium = medium;
    this.mtu = mtu;
    this.linkAddress = medium === 'ethernet' ? Uint8Array.of(2, 0, 0, 0, 0, 2) : null;
    this.stack = new Stack({
      random: new SeededRandom(seed), now: this.now, onApplicationError: (error) => {
        throw error;
      }, ...options,
    });
    this.invariants = new Invariants(this.stack);
    this.stack.clock = () => this.now;
    this.stack.addInterface(this, { addresses: [`${OURS[4]}/24`, `${OURS[6]}/64`], ...(isRouted && { gateway: [PEERS[4], PEERS[6]] }) });
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
      this.see(bytes);
    } else {
      ensure(bytes.length >= 14 && bytes.length <= 14 + this.mtu, 'I7: a frame that the link does not take');
      const type = bytes[12]! * 256 + bytes[13]!;
      if (type === 0x0800 || type === 0x86dd) this.see(unpadded(bytes.subarray(14)));
      else ensure(type === 0x0806 && bytes.length >= 42, `I7: a frame of type ${type}`);
    }
    return true;
  }

  private see(packet: Uint8Array): void {
    const seen = readOurs(packet, this.mtu);
    this.invariants.sent(seen, this.now);
    this.sent.push(seen);
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
    this.checkAmplification(bytes.length, sent);
    return sent;
  }

  /** Whoever has not shown that its address is its own, draws no more than a few times what it sends. */
  private checkAmplification(arrived: number, sent: readonly Seen[]): void {
    const known = new Set<number>();
    for (const c of this.stack.tcp.connections) if (isSynchronized(c.state)) known.add(c.remotePort);
    this.heard += arrived;
    for (const seen of sent) if (seen.protocol !== 6 || seen.isFragment || !known.has(segmentOf(seen).destinationPort)) this.answered += seen.bytes.length;
    ensure(this.answered <= SLACK_BYTES + AMPLIFICATION_MAX * this.heard, () => `I8: ${this.answered} bytes in answer to ${this.heard} of strangers`);
  }

  /** Poll until nothing is to be done at once; then look at everything: I1 – I6, I9, I10. */
  settle(): void {
    for (let polls = 0; ; polls++) {
      this.stack.poll(this.now);
      if (this.stack.nextTimeout() > this.now) break;
      ensure(polls < POLLS_AT_ONCE_MAX, 'I9: does not come to rest');
    }
    this.invariants.check();
  }

  /** Let `ms` pass, each deadline at its time. */
  advance(ms: number): void {
    const until = this.now + ms;
    this.sent = [];
    for (let steps = 0; ; steps++) {
      ensure(steps < DEADLINES_MAX, () => `I9: ${steps} deadlines in ${ms} ms`);
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
}

/** Ethernet pads to 60 bytes. */
function unpadded(b: Uint8Array): Uint8Array {
  const length = b[0]! >> 4 === 4 ? b[2]! * 256 + b[3]! : 40 + b[4]! * 256 + b[5]!;
  return b.subarray(0, Math.min(b.length, length));
}
