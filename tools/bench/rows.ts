// What the bench measures, one row each.

import type { Load, LoadGenerator } from './loadgen.js';
import { PORTS } from './service.js';
import type { Yard } from './yard.js';

/** How long and how often. */
export interface Effort {
  readonly runs: number;
  readonly seconds: number;
  readonly warm: number;
  /** Of `pair-bulk`. */
  readonly bytes: number;
}

export const FULL: Effort = { runs: 3, seconds: 3, warm: 0.7, bytes: 2 ** 31 };
export const QUICK: Effort = { runs: 1, seconds: 1, warm: 0.5, bytes: 2 ** 29 };

export interface Row {
  readonly name: string;
  readonly unit: string;
  readonly peer: 'node:net' | 'node:dgram';
  readonly lowerIsBetter?: boolean;
  /** Ready to measure one side as often as wanted. */
  prepare(yard: Yard, generator: LoadGenerator, effort: Effort): Promise<Bench>;
}

export interface Bench {
  run(): Promise<Measured>;
  end(): Promise<void>;
}

export interface Measured {
  readonly value: number;
  /** The generator's share of a core, where there is one. */
  readonly generatorCpu?: number;
  readonly errors?: number;
}

const GIGABITS = 8 / 1e9;

export const ROWS: readonly Row[] = [
  bulk('bulk-in-1', { mode: 'tx', port: PORTS.sink, connections: 1, size: 131_072 }),
  bulk('bulk-in-8', { mode: 'tx', port: PORTS.sink, connections: 8, size: 131_072 }),
  bulk('bulk-out-1', { mode: 'rx', port: PORTS.source, connections: 1, size: 1 << 20 }),
  bulk('bulk-out-8', { mode: 'rx', port: PORTS.source, connections: 8, size: 1 << 20 }),
  loaded('ping-pong-64', 'round trips/s', { mode: 'pp', port: PORTS.echo, connections: 64, size: 64 }),
  loaded('connect-close', '/s', { mode: 'cps', port: PORTS.discard, connections: 64 }),
  // The flood takes all of a core by its nature.
  { ...loaded('udp-64', 'packets/s', { mode: 'udp', port: PORTS.sink, size: 64 }), peer: 'node:dgram' },
  { name: 'heap-per-connection', unit: 'bytes', peer: 'node:net', lowerIsBetter: true, prepare: prepareHeap },
  { name: 'pair-bulk', unit: 'Gb/s', peer: 'node:net', prepare: preparePair },
];

function bulk(name: string, load: Load): Row {
  return loaded(name, 'Gb/s', load, GIGABITS);
}

/** One server for all runs of a row: its code is warm after the first. */
function loaded(name: string, unit: string, load: Load, factor = 1): Row {
  return {
    name, unit, peer: 'node:net',
    async prepare(yard, generator, { seconds, warm }) {
      const server = await yard.serve();
      return {
        async run() {
          const { perSecond, cpu, errors } = await generator.run(yard.place, load, seconds, warm);
          return { value: perSecond * factor, errors, generatorCpu: cpu };
        },
        end: () => server.end(),
      };
    },
  };
}

/** Connections that are open before counting: what the first ones cost once is not what each costs. */
const FIRST = 1000;
const COUNTED = 10_000;

async function prepareHeap(yard: Yard, generator: LoadGenerator): Promise<Bench> {
  return {
    async run() {
      const server = await yard.serve();
      try {
        const first = await generator.hold(yard.place, { mode: 'idle', port: PORTS.echo, connections: FIRST });
        const before = Number(await server.ask('memory'));
        const counted = await generator.hold(yard.place, { mode: 'idle', port: PORTS.echo, connections: COUNTED });
        const after = Number(await server.ask('memory'));
        await Promise.all([first.release(), counted.release()]);
        return { value: (after - before) / COUNTED };
      } finally {
        await server.end();
      }
    },
    end: () => Promise.resolve(),
  };
}

async function preparePair(yard: Yard, _: LoadGenerator, { bytes }: Effort): Promise<Bench> {
  return {
    async run() {
      const child = yard.pair(bytes);
      try {
        return { value: Number(await child.line()) };
      } finally {
        await child.end();
      }
    },
    end: () => Promise.resolve(),
  };
}
