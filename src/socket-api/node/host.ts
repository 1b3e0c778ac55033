// What the faces that mimic Node's modules stand on: a stack, and who drives it in real time.

import type { Ip } from '../../ip/ip.js';
import type { TcpHost } from '../tcp.js';
import type { UdpHost } from '../udp.js';

/** What these faces need of a stack; a `Stack` is one. */
export interface HostStack extends TcpHost, UdpHost {
  readonly ip: Ip;
  /** Milliseconds on the stack's clock. */
  now(): number;
  /** Call `run` once, `ms` from now on the stack's clock; the result calls it off. */
  after(ms: number, run: () => void): () => void;
  /** Whoever drives it is to poll soon. */
  wake(): void;
}

type LookupAnswer = (error: Error | null, address?: unknown, family?: unknown) => void;
/** What `dns.lookup` is; null: no options. */
export type Lookup = (host: string, options: Record<string, unknown> | null, answer: LookupAnswer) => void;

export interface Host {
  readonly stack: HostStack;
  /** As `dns.lookup`. Default: that. */
  readonly lookup?: Lookup | undefined;
  /** A `Driver` is one. */
  readonly driver: { stop(): void; ref(): void; unref(): void };
}
