// F5: one TCP connection that lives, and segments relative to where it stands, from its peer or from somebody who guesses. All
// text is what the stream has at its place, so that whatever is taken, and in whatever order, what is read is a prefix.

import { aim, aimedSegment, encodePacket, type TcpSegment } from '../../../src/arbitraries.js';
import { NetError } from '../../../src/errors.js';
import type { Connection } from '../../../src/tcp/connection.js';
import { seq } from '../../../src/tcp/seq.js';
import { isSynchronized } from '../../../src/tcp/state.js';
import { Bench } from '../harness/bench.js';
import { Choices } from '../harness/choices.js';
import { ensure, same } from '../harness/failure.js';
import { ACK, RST, segmentOf, SYN } from '../harness/on-the-wire.js';
import { ipOf } from '../harness/packets.js';

const PORT = 80;
const PEER_PORT = 40_000;
/** Small ones leave gaps, large ones reach beyond a small window. */
const aimed = [aimedSegment({ payloadMax: 60 }), aimedSegment({ payloadMax: 1400 })] as const;

/** Byte of a stream, unlike its neighbours and those a power of two away. */
const byteAt = (offset: number): number => (Math.imul(offset + 1, 0x9e37_79b1) >>> 24);

class Live {
  readonly bench: Bench;
  /** As it stands, or stood when it became a row of numbers. */
  seen: Connection | null = null;
  private row = -1;
  /** The peer's first number, and ours. */
  readonly irs: number;
  readonly iss: number;
  private isOpened = false;
  private read = 0;
  private written = 0;
  private readonly family: 4 | 6;
  private readonly withTimestamps: boolean;

  constructor(private readonly choices: Choices) {
    this.family = choices.of(4, 6);
    this.withTimestamps = choices.oneIn(2);
    // Near a wrap, that of 32 bits or that of int32: so that a comparison that does not know of it shows.
    this.irs = choices.of(0xffff_ffff, 0x7fff_ffff) - choices.of(0, 1, 10, 300, 3000);
    this.iss = choices.of(0xffff_ffff, 0x7fff_ffff) - choices.of(0, 1, 10, 1460, 5000);
    this.bench = new Bench({ tcp: { timeWaitMs: 3000, retries: 5, probeSilenceMs: 20_000 } });
    this.bench.stack.tcp['isn'].next = () => seq(this.iss);
    const receiveBuffer = choices.of(131_072, 500, 4000);
    const maySleep = choices.oneIn(2);
    const listener = this.bench.stack.tcp.listen({ port: PORT, receiveBuffer, noDelay: choices.oneIn(2) });
    listener.owner = {
      onTcpAccept: () => {
        this.bench.calledBack();
        this.seen = listener.accept();
        this.seen!.owner = { onTcpEvent: () => this.bench.calledBack(), ...(maySleep && this.sleeper) };
        if (maySleep) this.seen!.letSleep();
      },
    };
  }

  /** For calls: whoever asks for it wakes it. */
  private get connection(): Connection {
    return this.row < 0 ? this.seen! : this.bench.stack.tcp.dormant.wake(this.row);
  }

  /** It wakes as it fell asleep. */
  private readonly sleeper = {
    onTcpDormant: (row: number): void => {
      this.row = row;
    },
    onTcpAwake: (c: Connection): void => {
      this.row = -1;
      same(numbersOf(c), numbersOf(this.seen!), 'F5: what woke is not what fell asleep');
      this.seen = c;
    },
  };

  open(): void {
    const options = this.choices.of<TcpSegment['options']>(
      [{ kind: 'mss', value: 1000 }], [{ kind: 'mss', value: 536 }, { kind: 'sack-permitted' }],
      [{ kind: 'mss', value: 1460 }, { kind: 'sack-permitted' }, { kind: 'window-scale', shift: 7 }],
    );
    const stamp = this.withTimestamps ? [{ kind: 'timestamps' as const, value: 0xffff_fff0, echo: 0 }] : [];
    this.send({ ...BASE, seq: this.irs, ack: 0, flags: SYN, options: [...options, ...stamp] });
    const window = this.choices.of(65_535, 0, 1, 1000);
    this.send({ ...BASE, seq: (this.irs + 1) >>> 0, ack: (this.iss + 1) >>> 0, flags: ACK, window, options: stamp });
    this.isOpened = this.seen !== null && isSynchronized(this.seen.state);
    ensure(this.isOpened, 'F5: a handshake that is as it should be does not open a connection');
  }

  /** A segment arrives; everything that leaves is ours, and right. */
  private send(segment: TcpSegment): void {
    for (const seen of this.bench.receive(encodePacket(ipOf(this.family, segment)))) {
      const answer = segmentOf(seen);
      // RFC 9293 §3.5.2: a connection that stands resets nobody while its application is there.
      ensure(!this.isOpened || (answer.flags & RST) === 0, 'F5: a reset from a connection that stands');
      this.judge(answer);
    }
  }

  private judge({ flags, seq: from, text }: ReturnType<typeof segmentOf>): void {
    if ((flags & (RST | SYN)) !== 0) return;
    const offset = (from - this.iss - 1) | 0;
    for (const [i, byte] of text.entries()) {
      ensure(offset >= 0 && offset + i < this.written, 'F5: sent what nobody wrote');
      ensure(byte === byteAt(offset + i), () => `F5: sent a wrong byte at ${offset + i}`);
    }
  }

  step(): void {
    const { choices, bench } = this;
    switch (choices.below(8)) {
      case 0: return this.write(choices.of(1, 10, 999, 2000, 20_000));
      case 1: return this.take(choices.of(1, 50, 100_000));
      case 2:
        bench.advance(choices.of(0, 1, 40, 250, 1000, 2500, 10_000));
        for (const seen of bench.sent) this.judge(segmentOf(seen));
        return;
      case 3:
        if (choices.oneIn(6)) bench.call(() => this.connection.shutdown());
        else if (choices.oneIn(2)) bench.call(() => this.connection.configure({ receiveBuffer: choices.of(1, 700, 20_000, 1 << 20), windowClamp: choices.of(Infinity, 1, 5000), quickAck: choices.oneIn(2) }));
        bench.settle();
        return;
      default: this.attack();
    }
  }

  private attack(): void {
    const standing = this.seen!;
    const plan = this.choices.draw(this.choices.of(...aimed));
    const planned = aim(plan, standing, PEER_PORT, PORT);
    const at = (planned.seq - this.irs - 1) | 0;
    const segment = { ...planned, payload: planned.payload.map((_, i) => byteAt(at + i)) };
    const before = { state: standing.state, nxt: standing.rcv.nxt, delivered: standing.bytesReceived };
    this.send(segment);
    const c = this.seen!;
    const isReset = c.state === 'CLOSED' && c.error?.code === 'ECONNRESET';
    // RFC 5961 §3.2: only a reset that stands exactly at RCV.NXT ends it; §4: no SYN does.
    if (isReset && before.state !== 'CLOSED') {
      ensure((segment.flags & RST) !== 0 && (segment.seq | 0) === before.nxt, 'F5: a guess has ended the connection (RFC 5961 §3.2)');
    }
    // Whatever is taken lies in the segment or was there before it; without ACK nothing is (RFC 9293 §3.10.7.4, fifth).
    if ((segment.flags & ACK) === 0 && c.state !== 'CLOSED') ensure(c.bytesReceived === before.delivered, 'F5: text without an ACK was taken');
  }

  private write(length: number): void {
    const c = this.connection;
    const text = Uint8Array.from({ length }, (_, i) => byteAt(this.written + i));
    try {
      this.written += this.bench.call(() => c.write(text));
    } catch (error) {
      if (!(error instanceof NetError)) throw error;
    }
    this.bench.sent = [];
    this.bench.settle();
    for (const seen of this.bench.sent) this.judge(segmentOf(seen));
  }

  private take(max: number): void {
    const c = this.connection;
    const read = (): Uint8Array | null => this.bench.call(() => c.read(max));
    for (let piece = read(); piece !== null; piece = read()) {
      const bad = piece.findIndex((byte, i) => byte !== byteAt(this.read + i));
      ensure(bad < 0, () => `F5: byte ${this.read + bad} of the stream is wrong`);
      this.read += piece.length;
    }
    this.bench.sent = [];
    this.bench.settle();
    for (const seen of this.bench.sent) this.judge(segmentOf(seen));
  }

  finish(): void {
    const c = this.connection;
    this.take(100_000);
    ensure(this.read === c.bytesReceived || c.state === 'CLOSED', () => `F5: ${this.read} bytes were read, and ${c.bytesReceived} counted`);
    this.bench.call(() => c.close());
    this.bench.settle();
    const { stack } = this.bench;
    for (const listeners of stack.tcp['listeners'].values()) for (const listener of listeners.slice()) listener.close();
    this.bench.sleep();
    ensure(stack.tcp.connectionCount === 0 && stack.pool.outstanding === 0, 'F5: something is left');
  }
}

const numbersOf = ({ snd, rcv, ts, rto, iss, irs, bytesReceived, bytesSent, sendQueue, receiveBuffer, settings }: Connection): unknown =>
  [snd, rcv, ts, rto, iss, irs, bytesReceived, bytesSent, sendQueue.tail, receiveBuffer, settings.quickAck, settings.windowClamp];

const BASE: TcpSegment = {
  kind: 'tcp', options: [], payload: new Uint8Array(0), sourcePort: PEER_PORT, destinationPort: PORT, seq: 0, ack: 0, flags: ACK,
  window: 65_535, urgent: 0, checksumOff: 0,
};

export function liveConnection(data: Uint8Array): void {
  const choices = new Choices(data);
  const live = new Live(choices);
  live.open();
  for (let steps = 0; steps < 50 && !choices.isOver; steps++) {
    const { state } = live.seen!;
    if (state === 'CLOSED' || state === 'TIME-WAIT') break;
    live.step();
  }
  live.finish();
}

