// The targets by number. Each is a plain function of bytes, so that any fuzzer can drive it: ours (`npm run fuzz`), or
// @jazzer.js/core, which wants exactly that.

import { arithmetic } from './arithmetic.js';
import { calls } from './calls.js';
import { captures } from './captures.js';
import { conversation } from './conversation.js';
import { decoders } from './decoders.js';
import { flood } from './flood.js';
import { liveConnection } from './live-connection.js';
import { queues } from './queues.js';
import { reassembly } from './reassembly.js';
import { roundTrips } from './round-trips.js';
import { twice } from './twice.js';
import { twoWalks } from './two-walks.js';
import { wholeStack } from './whole-stack.js';

export interface FuzzTarget {
  readonly title: string;
  /** Throws when the stack is at fault. */
  readonly run: (data: Uint8Array) => void;
  /** Bytes of an input at most. */
  readonly lengthMax: number;
}

/** F6 is SCTP's, and comes with it; F11 needs a kernel beside it: `test/fuzz/differential`, `npm run fuzz -- --differential`. */
export const TARGETS: Readonly<Record<string, FuzzTarget>> = {
  F1: { title: 'every decoder', run: decoders, lengthMax: 200 },
  F2: { title: 'written, read, written', run: roundTrips, lengthMax: 300 },
  F3: { title: 'two walks, one list', run: twoWalks, lengthMax: 120 },
  F4: { title: 'the whole stack', run: wholeStack, lengthMax: 1500 },
  F5: { title: 'a connection that lives', run: liveConnection, lengthMax: 1200 },
  F7: { title: 'two stacks, a bad wire', run: conversation, lengthMax: 100 },
  F8: { title: 'reassembly', run: reassembly, lengthMax: 200 },
  F9: { title: 'queues and scoreboard', run: queues, lengthMax: 500 },
  F10: { title: 'arithmetic', run: arithmetic, lengthMax: 300 },
  F12: { title: 'calls in every state', run: calls, lengthMax: 200 },
  F13: { title: 'captures played back', run: captures, lengthMax: 800 },
  F14: { title: 'the same run twice', run: twice, lengthMax: 600 },
  F15: { title: 'floods', run: flood, lengthMax: 12 },
};
