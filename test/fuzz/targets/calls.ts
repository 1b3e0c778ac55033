// F12: calls, legal and not, in every state, against a model that knows which error is due; nobody is called back in the middle
// of a call (I12), and each end is told once. On the loopback: both sides are ours.

import { address } from '../../../src/address.js';
import { CLOSED, CONNECTED, END, type Connection } from '../../../src/tcp/connection.js';
import type { UdpEndpoint } from '../../../src/udp/endpoint.js';
import { Bench } from '../harness/bench.js';
import { Choices } from '../harness/choices.js';
import { ensure, same } from '../harness/failure.js';

const HERE = address('127.0.0.1');

/** What a call throws, by its code; null: nothing. */
function codeOf(run: () => unknown): string | null {
  try {
    run();
    return null;
  } catch (error) {
    const { code } = error as { code?: string };
    if (code === undefined) throw error;
    return code;
  }
}

/** A connection, what was done to it, and what it was told. */
class Known {
  hasEnded = false;
  hasClosed = false;
  wasAborted = false;
  connected = 0;
  ends = 0;
  closed = 0;

  constructor(readonly c: Connection, bench: Bench) {
    c.owner = {
      onTcpEvent: (_, events) => {
        bench.calledBack();
        if ((events & CONNECTED) !== 0) this.connected++;
        if ((events & END) !== 0) this.ends++;
        if ((events & CLOSED) !== 0) this.closed++;
        ensure(this.connected <= 1 && this.ends <= 1 && this.closed <= 1, 'F12: told twice');
        ensure(!this.hasClosed, 'F12: told after close()');
      },
    };
  }
}

export function calls(data: Uint8Array): void {
  const choices = new Choices(data);
  const bench = new Bench({ tcp: { timeWaitMs: 1000 } });
  const { stack } = bench;
  const known: Known[] = [];
  const endpoints: { u: UdpEndpoint; isBound: boolean; isClosed: boolean; port: number }[] = [];
  const listener = stack.tcp.listen({ port: 80, address: HERE });
  listener.owner = {
    onTcpAccept: () => {
      bench.calledBack();
      for (let c = listener.accept(); c !== null; c = listener.accept()) known.push(new Known(c, bench));
    },
  };
  for (let steps = 0; steps < 60 && !choices.isOver; steps++) {
    const k = known[choices.below(known.length)];
    const e = endpoints[choices.below(endpoints.length)];
    const code = (run: () => unknown): string | null => bench.call(() => codeOf(run));
    switch (choices.below(12)) {
      case 0: {
        const port = choices.of(80, 80, 81);
        bench.call(() => known.push(new Known(stack.tcp.connect({ address: HERE, port }), bench)));
        break;
      }
      case 1: same(code(() => stack.tcp.listen({ port: 80, address: HERE })), 'EADDRINUSE', 'F12: listening twice'); break;
      case 2:
        if (k !== undefined) {
          // RFC 9293 §3.10.2: "connection closing", or what ended it.
          const { c } = k;
          const due = c.error !== null ? c.error.code : k.hasEnded || k.hasClosed || k.wasAborted || c.state === 'CLOSED' || c.state === 'TIME-WAIT' ? 'EPIPE' : null;
          same(code(() => c.write(new Uint8Array(choices.of(1, 2000)))), due, `F12: write in ${c.state}`);
        }
        break;
      case 3:
        if (k !== undefined) {
          const waiting = k.c.readable;
          const piece = bench.call(() => k.c.read(1000));
          same(piece === null ? 0 : Math.min(1, piece.length), waiting === 0 ? 0 : 1, 'F12: read');
          same(k.c.readable, waiting - (piece?.length ?? 0), 'F12: what is left to read');
        }
        break;
      case 4:
        if (k !== undefined) {
          same(code(() => k.c.shutdown()), null, 'F12: shutdown');
          k.hasEnded = true;
        }
        break;
      case 5:
        if (k !== undefined) {
          same(code(() => k.c.close()), null, 'F12: close');
          k.hasClosed = true;
        }
        break;
      case 6:
        if (k !== undefined) {
          same(code(() => k.c.abort()), null, 'F12: abort');
          k.wasAborted = true;
          ensure(k.c.state === 'CLOSED' || k.c.state === 'TIME-WAIT', () => `F12: ${k.c.state} after ABORT (RFC 9293 §3.10.5)`);
        }
        break;
      case 7: {
        const u = stack.udp.open({ family: 4 });
        endpoints.push({ u, isBound: false, isClosed: false, port: 0 });
        break;
      }
      case 8:
        if (e !== undefined) {
          const port = choices.of(7000, 7001, 7002);
          const isTaken = endpoints.some((other) => other !== e && other.isBound && !other.isClosed && other.port === port);
          const due = e.isClosed ? 'EBADF' : e.isBound ? 'EINVAL' : isTaken ? 'EADDRINUSE' : null;
          same(bench.call(() => e.u.bind(HERE, port)), due, 'F12: bind');
          if (due === null) [e.isBound, e.port] = [true, port];
        }
        break;
      case 9:
        if (e !== undefined) {
          bench.call(() => e.u.close());
          e.isClosed = true;
        }
        break;
      case 10:
        if (e !== undefined && e.isBound) {
          const to = endpoints.find((other) => other.isBound && !other.isClosed);
          const failure = bench.call(() => e.u.send(Uint8Array.of(1, 2, 3), 0, 3, { address: HERE, port: to?.port ?? 9 }));
          same(failure, e.isClosed ? 'EBADF' : null, 'F12: send');
        }
        break;
      default: bench.advance(choices.of(0, 1, 50, 2000));
    }
    if (choices.oneIn(2)) bench.settle();
  }
  for (const { c } of known) c.close();
  for (const { u } of endpoints) u.close();
  listener.close();
  bench.sleep();
  ensure(stack.tcp.connectionCount === 0 && stack.pool.outstanding === 0, 'F12: something is left');
}
