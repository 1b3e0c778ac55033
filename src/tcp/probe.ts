// What happens inside connections, for tools: numbers in a ring that is read when the machine is at rest. Nobody is called
// back, so no application code runs in the middle of a segment; nothing is allocated for an event; and a connection that
// nobody looks at pays one comparison with null. RFC 4898 for the nouns.

import type { Connection } from './connection.js';
import { NOT_SENDING, type NotSending, whyNotSending } from './info.js';
import { pipe, type Phase, window } from './recovery.js';
import { isSynchronized, NEXT, type State } from './state.js';

/**
 * Why text left: it is new; three duplicate ACKs or RACK tell that it is lost; a probe of the tail, which may be new text; the
 * timer; a probe of the path's MTU; or again, because a window had shut over it or the path had become too narrow for it.
 */
export type SendReason = 'new' | 'fast' | 'rack' | 'tlp' | 'rto' | 'mtu' | 'again';

/** What all events have: ms, as `poll` is given them; a number for each connection, from 1. */
interface About {
  readonly at: number;
  readonly connection: number;
}

/** Offsets are those of the stream: its first byte is 0. Bytes; times in ms; rates in bytes per second. */
export type TcpEvent =
  /** It was seen for the first time. */
  | About & { readonly kind: 'open'; readonly localPort: number; readonly remotePort: number; readonly state: State }
  | About & { readonly kind: 'state'; readonly from: State; readonly to: State }
  | About & {
    readonly kind: 'sent'; readonly offset: number; readonly bytes: number; readonly segments: number; readonly why: SendReason;
    readonly cwnd: number; readonly inFlight: number;
  }
  /** An ACK was taken in, and what follows from it is done. */
  | About & {
    readonly kind: 'acked'; readonly offset: number; readonly bytes: number; readonly cwnd: number; readonly ssthresh: number;
    readonly srttMs: number; readonly inFlight: number; readonly pacingRate: number;
  }
  /** So many bytes more are judged lost; `total`: since somebody looks. */
  | About & { readonly kind: 'lost'; readonly bytes: number; readonly total: number }
  | About & { readonly kind: 'recovery'; readonly from: Phase; readonly to: Phase; readonly cwnd: number; readonly ssthresh: number }
  /** It was no loss: the windows are as before. */
  | About & { readonly kind: 'undone'; readonly cwnd: number; readonly ssthresh: number }
  | About & { readonly kind: 'timeout'; readonly times: number; readonly rtoMs: number }
  /** The peer's window shut, or opened. */
  | About & { readonly kind: 'window'; readonly bytes: number }
  /** Why nothing is sent now; null: nothing holds it back. */
  | About & { readonly kind: 'held'; readonly why: NotSending | null };

const KINDS = ['open', 'state', 'sent', 'acked', 'lost', 'recovery', 'undone', 'timeout', 'window', 'held'] as const;
// Places in KINDS.
const OPEN = 0;
const STATE = 1;
const SENT = 2;
const ACKED = 3;
const LOST = 4;
const RECOVERY = 5;
const UNDONE = 6;
const TIMEOUT = 7;
const WINDOW = 8;
const HELD = 9;
const STATES = Object.keys(NEXT) as State[];
const PHASES: readonly Phase[] = ['open', 'recovery', 'loss', 'cwr'];
const REASONS: readonly SendReason[] = ['new', 'fast', 'rack', 'tlp', 'rto', 'mtu', 'again'];

/** Numbers of an event: when, whose, what, and seven more. */
const WIDTH = 10;

/** Events as who asked for them sees them. */
export interface TcpEvents {
  /** Events that were overwritten before they were read. */
  readonly dropped: number;
  /** What happened since the last time, in its order. */
  read(): TcpEvent[];
}

/** Events of one connection or of many, as numbers, the latest `capacity` of them. */
export class EventRing implements TcpEvents {
  dropped = 0;
  private readonly numbers: Float64Array;
  private first = 0;
  private count = 0;
  private connections = 0;

  /** @param capacity  events, 80 bytes each */
  constructor(readonly capacity: number) {
    this.numbers = new Float64Array(capacity * WIDTH);
  }

  /** Look at a connection from now on. */
  watch(c: Connection, now: number): void {
    c.probe = new Probe(this, ++this.connections);
    c.probe.begin(c, now);
  }

  put(at: number, connection: number, kind: number, a = 0, b = 0, c = 0, d = 0, e = 0, f = 0, g = 0): void {
    const n = this.numbers;
    const i = ((this.first + this.count) % this.capacity) * WIDTH;
    if (this.count < this.capacity) this.count++;
    else {
      this.first = (this.first + 1) % this.capacity;
      this.dropped++;
    }
    n[i] = at;
    n[i + 1] = connection;
    n[i + 2] = kind;
    n[i + 3] = a;
    n[i + 4] = b;
    n[i + 5] = c;
    n[i + 6] = d;
    n[i + 7] = e;
    n[i + 8] = f;
    n[i + 9] = g;
  }

  read(): TcpEvent[] {
    const events: TcpEvent[] = [];
    for (let k = 0; k < this.count; k++) events.push(eventAt(this.numbers, ((this.first + k) % this.capacity) * WIDTH));
    this.first = 0;
    this.count = 0;
    return events;
  }
}

function eventAt(n: Float64Array, i: number): TcpEvent {
  const [at, connection, kind, a, b, c, d, e, f, g] = n.subarray(i, i + WIDTH) as unknown as [
    number, number, number, number, number, number, number, number, number, number,
  ];
  const about = { at, connection };
  switch (KINDS[kind]!) {
    case 'open': return { ...about, kind: 'open', localPort: a, remotePort: b, state: STATES[c]! };
    case 'state': return { ...about, kind: 'state', from: STATES[a]!, to: STATES[b]! };
    case 'sent': return { ...about, kind: 'sent', offset: a, bytes: b, segments: c, why: REASONS[d]!, cwnd: e, inFlight: f };
    case 'acked':
      return { ...about, kind: 'acked', offset: a, bytes: b, cwnd: c, ssthresh: d, srttMs: e, inFlight: f, pacingRate: g };
    case 'lost': return { ...about, kind: 'lost', bytes: a, total: b };
    case 'recovery': return { ...about, kind: 'recovery', from: PHASES[a]!, to: PHASES[b]!, cwnd: c, ssthresh: d };
    case 'undone': return { ...about, kind: 'undone', cwnd: a, ssthresh: b };
    case 'timeout': return { ...about, kind: 'timeout', times: a, rtoMs: b };
    case 'window': return { ...about, kind: 'window', bytes: a };
    case 'held': return { ...about, kind: 'held', why: NOT_SENDING[a] ?? null };
  }
}

/** One connection's eye on it: writes to a ring what has changed since it last looked. */
export class Probe {
  private state = 0;
  private phase = 0;
  private undos = 0;
  private lost = 0;
  private total = 0;
  private isShut = false;
  private held = -2;

  constructor(private readonly ring: EventRing, private readonly connection: number) {}

  begin(c: Connection, now: number): void {
    this.state = STATES.indexOf(c.state);
    this.phase = PHASES.indexOf(c.recovery.phase);
    this.undos = c.undos;
    this.lost = c.rate.lost;
    this.isShut = isSynchronized(c.state) && c.snd.wnd === 0;
    this.ring.put(now, this.connection, OPEN, c.localPort, c.remotePort, this.state);
  }

  /** Each step that a segment leads through, not only the last. */
  onState(next: State, now: number): void {
    const to = STATES.indexOf(next);
    this.ring.put(now, this.connection, STATE, this.state, to);
    this.state = to;
  }

  onSent(c: Connection, offset: number, bytes: number, segments: number, why: SendReason, now: number): void {
    this.ring.put(now, this.connection, SENT, offset, bytes, segments, REASONS.indexOf(why), window(c), pipe(c));
  }

  /** @param bytes  delivered by it, cumulatively or selectively */
  onAck(c: Connection, bytes: number, now: number): void {
    const { congestion, rto } = c;
    this.look(c, now);
    this.ring.put(
      now, this.connection, ACKED, c.offsetOf(c.snd.una), bytes, window(c), congestion.ssthresh, rto.srttMs, pipe(c), congestion.pacingRate * 1000,
    );
  }

  onTimeout(c: Connection, now: number): void {
    this.ring.put(now, this.connection, TIMEOUT, c.retries, c.rto.rtoMs);
  }

  /** A step is done: what is different? */
  look(c: Connection, now: number): void {
    const { ring, connection } = this;
    const { cwnd, ssthresh } = c.congestion;
    // A connection that came to rest begins to count anew.
    const lost = c.rate.lost < this.lost ? c.rate.lost : c.rate.lost - this.lost;
    this.lost = c.rate.lost;
    if (lost > 0) ring.put(now, connection, LOST, lost, this.total += lost);
    if (c.undos !== this.undos) ring.put(now, connection, UNDONE, cwnd, ssthresh);
    this.undos = c.undos;
    const phase = PHASES.indexOf(c.recovery.phase);
    if (phase !== this.phase) ring.put(now, connection, RECOVERY, this.phase, phase, window(c), ssthresh);
    this.phase = phase;
    const isShut = isSynchronized(c.state) && c.snd.wnd === 0;
    if (isShut !== this.isShut) ring.put(now, connection, WINDOW, c.snd.wnd);
    this.isShut = isShut;
  }

  /** All that may leave has left. */
  rest(c: Connection, now: number): void {
    this.look(c, now);
    const why = whyNotSending(c, now);
    const held = why === null ? -1 : NOT_SENDING.indexOf(why);
    if (held !== this.held) this.ring.put(now, this.connection, HELD, held);
    this.held = held;
  }
}
