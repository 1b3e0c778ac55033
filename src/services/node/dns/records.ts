// Records as `dns.resolve…` of Node's tells them, from what the codec makes of them.

import dns from 'node:dns';

import type { Answer } from './stub-resolver.js';

type Data = Record<string, unknown>;

/** Of each type: what `resolve(name, type)` calls its question in errors, and what it makes of a record's data. */
export const RECORDS: Readonly<Record<string, { readonly syscall: string; readonly shape: (data: unknown) => unknown }>> = {
  A: { syscall: 'queryA', shape: same },
  AAAA: { syscall: 'queryAaaa', shape: same },
  CNAME: { syscall: 'queryCname', shape: same },
  NS: { syscall: 'queryNs', shape: same },
  PTR: { syscall: 'queryPtr', shape: same },
  MX: { syscall: 'queryMx', shape: (data) => pick(data, { exchange: 'exchange', priority: 'preference' }) },
  TXT: { syscall: 'queryTxt', shape: (data) => [data].flat().map((text) => (Buffer.isBuffer(text) ? text.toString('latin1') : text)) },
  SRV: { syscall: 'querySrv', shape: (data) => pick(data, { name: 'target', port: 'port', priority: 'priority', weight: 'weight' }) },
  SOA: {
    syscall: 'querySoa',
    shape: (data) => pick(data, {
      nsname: 'mname', hostmaster: 'rname', serial: 'serial', refresh: 'refresh', retry: 'retry', expire: 'expire', minttl: 'minimum',
    }),
  },
  NAPTR: {
    syscall: 'queryNaptr',
    shape: (data) => {
      const names = { flags: 'flags', service: 'services', regexp: 'regexp', replacement: 'replacement', order: 'order', preference: 'preference' };
      const shape = pick(data, names);
      return { ...shape, replacement: shape.replacement === '.' ? '' : shape.replacement };
    },
  },
  CAA: {
    syscall: 'queryCaa',
    shape: (data) => {
      const { flags, tag, value } = data as { flags?: number; tag: string; value: string };
      return { critical: (flags ?? 0) & 128, [tag]: value };
    },
  },
  TLSA: {
    syscall: 'queryTlsa',
    shape: (data) => {
      const { usage, selector, matchingType, certificate } = data as { usage: number; selector: number; matchingType: number; certificate: Uint8Array };
      return { certUsage: usage, selector, match: matchingType, data: new Uint8Array(certificate).buffer };
    },
  },
};

/** Types whose record is a value, and no object, have it in this property when all types are asked for. */
const VALUES: Readonly<Record<string, string>> = { A: 'address', AAAA: 'address', CNAME: 'value', NS: 'value', PTR: 'value', TXT: 'entries' };

export function shaped(answer: Answer): unknown {
  return RECORDS[answer.type]?.shape((answer as { data?: unknown }).data);
}

/** In the order in which Node tells them. */
const ANY_ORDER = ['A', 'AAAA', 'CNAME', 'MX', 'NS', 'TXT', 'SRV', 'PTR', 'NAPTR', 'SOA', 'CAA', ...('resolveTlsa' in dns ? ['TLSA'] : [])];

/** For `resolveAny`: what it is stands in it. */
export function shapedWithTypes(answers: readonly Answer[]): object[] {
  return ANY_ORDER.flatMap((type) => answers.filter((each) => each.type === type).map(withType));
}

function withType(answer: Answer): object {
  const value = shaped(answer);
  const property = VALUES[answer.type];
  const body: object = property === undefined ? value as object : { [property]: value };
  const { ttl } = answer as { ttl?: number };
  return { ...body, ...(answer.type.startsWith('A') && { ttl }), type: answer.type };
}

function same(data: unknown): unknown {
  return data;
}

function pick(data: unknown, names: Record<string, string>): Data {
  return Object.fromEntries(Object.entries(names).map(([ours, its]) => [ours, (data as Data)[its] ?? 0]));
}
