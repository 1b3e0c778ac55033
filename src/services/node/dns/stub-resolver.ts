// A stub resolver: questions to the servers that it is given, over our UDP, and over our TCP where an answer is cut short.
// RFC 1034 §5.3.1, RFC 1035 §4.2, RFC 5452 (what to believe), RFC 6891 (how large), RFC 7766 (TCP).

import { randomInt } from 'node:crypto';
import { createRequire } from 'node:module';
import type dgram from 'node:dgram';
import type * as Codec from 'dns-packet';
import type net from 'node:net';
import type { Nameserver } from '../../../socket-api/node/configuration.js';

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

type Server = Nameserver;
type Failure = Error & { readonly code?: string };

/** Why there is no answer: one of `dns`'s codes, `ENOTFOUND`, `ENODATA`, `ESERVFAIL`, `EREFUSED`, `ETIMEOUT` … */
export class Unanswered extends Error {
  constructor(readonly code: string) {
    super(code);
  }
}

/** As resolv.conf(5) has them. */
const TIMEOUT_MS = 5000;
const TRIES = 2;
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
  private readonly open = new Set<(error: Unanswered) => void>();

  constructor(private readonly host: ResolverHost, public servers: readonly Server[], options: ResolverOptions = {}) {
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
    for (const give of [...this.open]) give(new Unanswered('ECANCELLED'));
  }

  private async ask(server: Server, question: Codec.Question): Promise<Codec.DecodedPacket> {
    let reply = await this.byUdp(server, this.encode(question, true));
    const { rcode } = reply as { rcode?: string };
    // RFC 6891 §7: it may not know what an OPT record is.
    if (rcode === 'FORMERR' || rcode === 'NOTIMP') reply = await this.byUdp(server, this.encode(question, false));
    return reply.flag_tc ? this.byTcp(server, this.encode(question, true)) : reply;
  }

  /** A port and a number that nobody can guess, a new one for each question. RFC 5452 §4. */
  private byUdp(server: Server, asked: Buffer): Promise<Codec.DecodedPacket> {
    return this.exchange((give, fail) => {
      const socket = this.host.dgram.createSocket(server.address.includes(':') ? 'udp6' : 'udp4');
      socket.on('error', fail);
      socket.on('message', (message) => {
        const reply = this.believed(asked, message);
        if (reply !== null) give(reply);
      });
      // Connected, it hears nobody but the server.
      socket.connect(server.port, server.address, () => socket.send(asked));
      return () => socket.close();
    });
  }

  private byTcp(server: Server, asked: Buffer): Promise<Codec.DecodedPacket> {
    return this.exchange((give, fail) => {
      const length = Buffer.alloc(2);
      length.writeUInt16BE(asked.length);
      const socket = this.host.net.connect(server.port, server.address);
      let heard = Buffer.alloc(0);
      socket.on('error', fail);
      socket.on('close', () => fail(new Unanswered('ECONNRESET')));
      socket.on('connect', () => socket.write(Buffer.concat([length, asked])));
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

  /** One of: an answer, a failure, the time is up; then `end` is called, once. */
  private exchange(
    begin: (give: (reply: Codec.DecodedPacket) => void, fail: (error: Failure) => void) => () => void,
  ): Promise<Codec.DecodedPacket> {
    return new Promise((resolve, reject) => {
      let isOver = false;
      const over = (): boolean => {
        if (isOver) return false;
        isOver = true;
        this.open.delete(stop);
        callOff();
        queueMicrotask(() => end());
        return true;
      };
      const stop = (error: Unanswered): void => {
        if (over()) reject(error);
      };
      const callOff = this.host.after(this.timeoutMs, () => stop(new Unanswered('ETIMEOUT')));
      this.open.add(stop);
      const end = begin((reply) => {
        if (over()) resolve(reply);
      }, ({ code }) => stop(new Unanswered(code ?? 'EBADRESP')));
    });
  }

  private encode(question: Codec.Question, saysHowLarge: boolean): Buffer {
    const opt = { type: 'OPT', name: '.', udpPayloadSize: UDP_MAX, flags: 0, options: [] } as unknown as Codec.Answer;
    return this.codec.encode({
      type: 'query', id: randomInt(0x1_0000), flags: this.codec.RECURSION_DESIRED, questions: [question],
      additionals: saysHowLarge ? [opt] : [],
    });
  }

  /** RFC 5452 §9.1: the number, and the question, are ours. Null: this is no answer to it. */
  private believed(asked: Buffer, message: Buffer): Codec.DecodedPacket | null {
    let reply: Codec.DecodedPacket;
    try {
      reply = this.codec.decode(message);
    } catch {
      return null;
    }
    const [question] = this.codec.decode(asked).questions ?? [];
    const [said] = reply.questions ?? [];
    const isAnswer = reply.type === 'response' && reply.id === asked.readUInt16BE(0) && said !== undefined && question !== undefined &&
      said.type === question.type && said.name.toLowerCase() === question.name.toLowerCase();
    return isAnswer ? reply : null;
  }
}

function answersOf(reply: Codec.DecodedPacket): Answer[] {
  const { rcode } = reply as { rcode?: string };
  if (rcode !== 'NOERROR') throw new Unanswered(CODES[rcode ?? ''] ?? 'EBADRESP');
  const answers = reply.answers ?? [];
  if (answers.length === 0) throw new Unanswered('ENODATA');
  return answers;
}

/** RFC 1035 §2.3.4: labels of 1 to 63 bytes, 253 characters in all; none: the root. */
function isName(name: string): boolean {
  if (name === '' || name === '.') return true;
  const labels = name.replace(/\.$/, '').split('.');
  return name.length <= 254 && labels.every((label) => label.length > 0 && Buffer.byteLength(label) <= 63);
}

/** Exported for its test. @throws Error with what to do */
export function requireCodec(require: (name: string) => unknown): typeof Codec {
  try {
    return require('dns-packet') as typeof Codec;
  } catch (error) {
    const hint = 'names are asked for by the package dns-packet, which is not installed; run: npm install dns-packet';
    throw Object.assign(new Error(hint, { cause: error }), { code: 'ENOSYS' });
  }
}
