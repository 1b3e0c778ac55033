// One connection that carries as much as it can, in one direction: an application that always has something to write, and
// one that reads at once. What goodput is measured with.

import { address } from '../address.js';
import { type Connection, type ConnectionOptions, CONNECTED, WRITABLE } from '../tcp/connection.js';
import type { Host, Simulation } from './simulation.js';

/** The text repeats itself after so many bytes: a prime, so that a shift shows. */
const PERIOD = 65_521;
const TEXT = Uint8Array.from({ length: PERIOD }, (_, i) => Math.imul(i + 1, 0x9e37_79b1) >>> 24);

export interface BulkFlowOptions extends ConnectionOptions {
  /** Of the receiver. Default: the first address of its first interface. */
  readonly address?: string;
  readonly port?: number;
  /** When it begins, ms from now. Default 0. */
  readonly startMs?: number;
  /** Bytes to carry, then the sender ends. Default: without end. */
  readonly bytes?: number;
}

export class BulkFlow {
  sender: Connection | null = null;
  receiver: Connection | null = null;
  /** Bytes that the receiving application has read. */
  received = 0;
  /** When it last read some, ms. */
  receivedAt = 0;
  private written = 0;

  constructor(private readonly sim: Simulation, from: Host, to: Host, private readonly options: BulkFlowOptions = {}) {
    const { startMs = 0, port = 5001 } = options;
    const where = address(options.address ?? to.stack.ip.interfaces[1]!.addresses[0]!.address.toString());
    const listener = to.stack.tcp.listen({ ...options, address: where, port });
    listener.owner = { onTcpAccept: () => this.receive(listener.accept()!) };
    sim.after(startMs, () => {
      this.sender = from.stack.tcp.connect({ ...options, address: where, port });
      this.sender.owner = { onTcpEvent: (c, events) => void ((events & (CONNECTED | WRITABLE)) !== 0 && this.send(c)) };
    });
  }

  /** The sender's and the receiver's side are closed, or failed. */
  get isOver(): boolean {
    return [this.sender, this.receiver].every((c) => c !== null && (c.state === 'CLOSED' || c.state === 'TIME-WAIT'));
  }

  private send(c: Connection): void {
    const { bytes = Number.POSITIVE_INFINITY } = this.options;
    while (this.written < bytes) {
      const from = this.written % PERIOD;
      const given = Math.min(PERIOD - from, bytes - this.written);
      const taken = c.write(TEXT, from, from + given);
      this.written += taken;
      if (taken < given) return;
    }
    c.shutdown();
  }

  private receive(connection: Connection): void {
    this.receiver = connection;
    connection.owner = {
      onTcpEvent: (c) => {
        for (let piece = c.read(); piece !== null; piece = c.read()) this.take(piece);
        if (c.ended) c.shutdown();
      },
    };
  }

  private take(piece: Uint8Array): void {
    // A byte of sixteen speaks for its neighbours: what is left out, doubled or misplaced shifts them all.
    for (let i = 0, at = this.received % PERIOD; i < piece.length; i += 16) {
      if (piece[i] !== TEXT[at]) throw new Error(`bulk flow: wrong text at ${this.received + i}`);
      at += 16;
      if (at >= PERIOD) at -= PERIOD;
    }
    this.received += piece.length;
    this.receivedAt = this.sim.now;
  }
}
