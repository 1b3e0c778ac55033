// A stub resolver: questions to the servers that it is given, over our UDP, and over our TCP where an answer is cut short.
// RFC 1034 §5.3.1, RFC 1035 §4.2, RFC 5452 (what to believe), RFC 6891 (how large), RFC 7766 (TCP).

import { randomInt } from 'node:crypto';
import { createRequire } from 'node:module';
import type dgram from 'node:dgram';
import type * as Codec from 'dns-packet';
import { isIP } from 'node:net';
import type net from 'node:net';
import { NetError } from '../../../errors.js';
import type { Nameserver } from '../../../socket-api/node/configuration.js';
import { isName, unrooted } from './name.js';

export type RecordType = Codec.RecordType;
export type Answer = Codec.Answer;

/** What it goes by; a stack's `net` and `dgram`, and its clock. */
export interface ResolverHost {
  readonly net: typeof net;
  readonly dgram: typeof dgram;
  /** Call `run` once, `ms` from now; the result calls it off. */
  after(ms: number, run: () => void): () => void;
}

export interface ResolverOptions {
  /** Of a server's silence, ms. Default 5000. */
  readonly timeoutMs?: number;
  /** How often all of them are asked. Default 2. */
  readonly tries?: number;
}

type Failure = Error & { readonly code?: string };

interface Asked {
  readonly id: number;
  readonly question: Codec.Question;
  readonly bytes: Buffer;
}

/** Why there is no answer: one of `dns`'s codes, `ENOTFOUND`, `ENODATA`, `ESERVFAIL`, `EREFUSED`, `ETIMEOUT` … */
export class Unanswered extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** As resolv.conf(5) has them. */
const TIMEOUT_MS = 5000;
const TRIES = 2;
/** Questions at once. */
const FLYING_MAX = 64;
/** What passes any network in one piece. */
const UDP_MAX = 1232;

/** RFC 1035 §4.1.1, RCODE. */
const CODES: Record<string, string> = {
  FORMERR: 'EFORMERR', SERVFAIL: 'ESERVFAIL', NXDOMAIN: 'ENOTFOUND', NOTIMP: 'ENOTIMP', REFUSED: 'EREFUSED',
};

export class StubResolver {
  private readonly codec: typeof Codec = requireCodec(createRequire(import.meta.url));
  private readonly timeoutMs: number;
  private readonly tries: number;
  /** Whoever can be told that it is called off. */
  private readonly open = new Set<(error: Unanswered) => void>();
  private readonly waiting = new Set<(error: Unanswered | null) => void>();
  private flying = 0;

  constructor(private readonly host: ResolverHost, public servers: readonly Nameserver[], options: ResolverOptions = {}) {
    this.timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
    this.tries = options.tries ?? TRIES;
  }

  /**
   * What is known of `name`: its records of that type, and the CNAMEs on the way there; at least one of either.
   * @throws Unanswered
   */
  async query(name: string, type: RecordType): Promise<Answer[]> {
    if (!isName(name)) throw new Unanswered('EBADNAME');
    let reason = new Unanswered(this.servers.length === 0 ? 'ECONNREFUSED' : 'ETIMEOUT');
    for (let i = 0; i < this.tries * this.servers.length; i++) {
      try {
        return answersOf(await this.ask(this.servers[i % this.servers.length]!, { name, type }));
      } catch (error) {
        if (!(error instanceof Unanswered)) throw error;
        // What they agree on is about the name.
        if (['ENOTFOUND', 'ENODATA', 'ECANCELLED'].includes(error.code)) throw error;
        reason = error;
      }
    }
    throw reason;
  }

  /** Whoever waits is told ECANCELLED. */
  cancel(): void {
    this.waiting.clear();
    for (const give of [...this.open]) give(new Unanswered('ECANCELLED'));
  }

  private async ask(server: Nameserver, question: Codec.Question): Promise<Codec.DecodedPacket> {
    let asked = this.encode(question, true);
    let reply = await this.byUdp(server, asked);
    const { rcode } = reply as { rcode?: string };
    // RFC 6891 §7: it may not know what an OPT record is.
    if (rcode === 'FORMERR' || rcode === 'NOTIMP') {
      asked = this.encode(question, false);
      reply = await this.byUdp(server, asked);
    }
    return reply.flag_tc ? this.byTcp(server, asked) : reply;
  }

  /** A port and a number that nobody can guess, a new one for each question. RFC 5452 §4. */
  private byUdp(server: Nameserver, asked: Asked): Promise<Codec.DecodedPacket> {
    return this.exchange((give, fail) => {
      const socket = this.host.dgram.createSocket({
        type: server.address.includes(':') ? 'udp6' : 'udp4',
        // Addresses are all that it is given; and whoever has replaced dns.lookup may ask us in turn.
        lookup: (address, _options, done) => done(null, address, isIP(address)),
      });
      socket.on('error', fail);
      socket.on('message', (message) => {
        const reply = this.believed(asked, message);
        if (reply !== null) give(reply);
      });
      // Connected, it hears nobody but the server.
      socket.connect(server.port, server.address, (error?: Error) => {
        if (error) fail(error);
        else socket.send(asked.bytes);
      });
      return () => socket.close();
    });
  }

  private byTcp(server: Nameserver, asked: Asked): Promise<Codec.DecodedPacket> {
    return this.exchange((give, fail) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(asked.bytes.length);
      const socket = this.host.net.connect(server.port, server.address);
      let heard = Buffer.alloc(0);
      socket.on('error', fail);
      socket.on('close', () => fail(new Unanswered('ECONNRESET')));
      socket.on('connect', () => socket.write(Buffer.concat([length, asked.bytes])));
      socket.on('data', (data) => {
        heard = Buffer.concat([heard, data]);
        if (heard.length < 2 || heard.length < 2 + heard.readUInt16BE(0)) return;
        const reply = this.believed(asked, heard.subarray(2, 2 + heard.readUInt16BE(0)));
        if (reply === null) fail(new Unanswered('EBADRESP'));
        else give(reply);
      });
      return () => socket.destroy();
    });
  }

  /** One of: an answer, a failure, the time is up; then what `begin` gave is called, once. */
  private async exchange(
    begin: (give: (reply: Codec.DecodedPacket) => void, fail: (error: Failure) => void) => () => void,
  ): Promise<Codec.DecodedPacket> {
    await this.turn();
    return new Promise<Codec.DecodedPacket>((resolve, reject) => {
      let isOver = false;
      let end = (): void => {};
      const over = (): boolean => {
        if (isOver) return false;
        isOver = true;
        this.open.delete(stop);
        callOff();
        queueMicrotask(() => end());
        this.next();
        return true;
      };
      const stop = (error: Unanswered): void => {
        if (over()) reject(error);
      };
      const callOff = this.host.after(this.timeoutMs, () => stop(new Unanswered('ETIMEOUT')));
      this.open.add(stop);
      const fail = ({ code }: Failure): void => stop(new Unanswered(code ?? 'EBADRESP'));
      try {
        end = begin((reply) => {
          if (over()) resolve(reply);
        }, fail);
      } catch (error) {
        fail(error as Failure);
      }
    });
  }

  /** A server's queue has its end: whoever asks for a thousand names at once waits for the first of them. */
  private async turn(): Promise<void> {
    if (this.flying < FLYING_MAX) {
      this.flying++;
      return;
    }
    await new Promise<void>((go, refuse) => {
      const wait = (error: Unanswered | null): void => {
        this.open.delete(wait);
        if (error === null) go();
        else refuse(error);
      };
      this.waiting.add(wait);
      this.open.add(wait);
    });
  }

  private next(): void {
    const [first] = this.waiting;
    if (first === undefined) {
      this.flying--;
      return;
    }
    this.waiting.delete(first);
    first(null);
  }

  private encode(question: Codec.Question, saysHowLarge: boolean): Asked {
    const opt = { type: 'OPT', name: '.', udpPayloadSize: UDP_MAX, flags: 0, options: [] } as unknown as Codec.Answer;
    const id = randomInt(0x1_0000);
    const bytes = this.codec.encode({
      type: 'query', id, flags: this.codec.RECURSION_DESIRED, questions: [question], additionals: saysHowLarge ? [opt] : [],
    });
    return { id, question, bytes };
  }

  /** RFC 5452 §9.1: the number, and the question, are ours. Null: this is no answer to it. */
  private believed({ id, question }: Asked, message: Buffer): Codec.DecodedPacket | null {
    const reply = this.decode(message) ?? this.decodeHead(message);
    const [said] = reply?.questions ?? [];
    const isAnswer = reply?.type === 'response' && reply.id === id && said !== undefined && said.class === 'IN' &&
      said.type === question.type && unrooted(said.name) === unrooted(question.name);
    return isAnswer ? reply : null;
  }

  /** Null: it makes no sense. */
  private decode(message: Buffer): Codec.DecodedPacket | null {
    try {
      const reply = this.codec.decode(message);
      // It reads on behind the end.
      return (this.codec.decode as unknown as { bytes: number }).bytes > message.length ? null : reply;
    } catch {
      return null;
    }
  }

  /** Of one that is cut short, perhaps in the middle of a record, all that is of use: header and question. */
  private decodeHead(message: Buffer): Codec.DecodedPacket | null {
    if (message.length < HEADER_BYTES || (message[2]! & TC) === 0) return null;
    return this.decode(Buffer.concat([message.subarray(0, 6), Buffer.alloc(6), message.subarray(HEADER_BYTES)]));
  }
}

/** RFC 1035 §4.1.1. */
const HEADER_BYTES = 12;
/** In the third byte of them. */
const TC = 2;

function answersOf(reply: Codec.DecodedPacket): Answer[] {
  const { rcode } = reply as { rcode?: string };
  if (rcode !== 'NOERROR') throw new Unanswered(CODES[rcode ?? ''] ?? 'EBADRESP');
  const answers = reply.answers ?? [];
  if (answers.length === 0) throw new Unanswered('ENODATA');
  return answers;
}

/** Exported for its test. @throws NetError ENOSYS, with what to do */
export function requireCodec(require: (name: string) => unknown): typeof Codec {
  try {
    return require('dns-packet') as typeof Codec;
  } catch {
    throw new NetError('ENOSYS', 'lookup', { hint: 'names are asked for by the package dns-packet, which is not installed; run: npm install dns-packet' });
  }
}
