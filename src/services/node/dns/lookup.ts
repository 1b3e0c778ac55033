// `dns.lookup`: the addresses of a name, by the host's own file, and then by the servers. What getaddrinfo(3) is to Node.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import dns from 'node:dns';

import { parsePrefix } from '../../../address.js';
import type { DeviceConfiguration } from '../../../socket-api/node/configuration.js';
import { LOCALHOST, orderOf } from '../../../socket-api/node/net/lookup.js';
import { inAscii, literalOf } from './name.js';
import { type AnyFunction, type Callback, failure, settle } from './outcome.js';
import { type StubResolver, Unanswered } from './stub-resolver.js';

interface Found {
  address: string;
  family: 4 | 6;
}

interface LookupOptions {
  /** Default: both. */
  readonly family?: 4 | 6;
  /** `dns.ADDRCONFIG` and so on. */
  readonly hints?: number;
  readonly order?: 'verbatim' | 'ipv4first' | 'ipv6first';
}

export interface NameHost {
  readonly resolver: StubResolver;
  /** Of which the stack has an address, beside its loopback's. */
  readonly families: ReadonlySet<4 | 6>;
}

/** What `ADDRCONFIG` is about. */
export const familiesOf = ({ addresses }: DeviceConfiguration): Set<4 | 6> =>
  new Set(addresses.map((text): 4 | 6 => parsePrefix(text)!.address.family));

const HOSTS_FILE = '/etc/hosts';

/**
 * `dns.lookup` by those servers.
 * @param original  says what makes no sense, and answers where nobody need be asked
 */
export function lookupOver(host: NameHost, original: AnyFunction): AnyFunction {
  return function lookup(name, ...rest) {
    if (typeof name !== 'string' || name === '') return original(name, ...rest);
    const literal = literalOf(name);
    if (literal !== null) return original(literal, ...rest);
    const [given, callback] = typeof rest[0] === 'function' ? [undefined, rest[0]] : rest;
    // It throws, if at all; of a literal it asks nobody.
    original(LITERAL, given, typeof callback === 'function' ? nothing : callback);
    const options = (typeof given === 'object' && given !== null ? given : { family: given }) as Record<string, unknown>;
    const family = familyOf(options.family);
    const found = lookUp(host, inAscii(name), {
      ...(family !== 0 && { family }), hints: Number(options.hints ?? 0), order: orderOf(options) as 'verbatim',
    }).catch((error: unknown) => { throw error instanceof Unanswered ? failure(error.code, 'getaddrinfo', name) : error; });
    const answer = callback as Callback;
    if (options.all === true) settle(found, answer);
    else settle(found.then(([first]) => first!), (error, first) => {
      if (error === null) answer(null, (first as Found).address, (first as Found).family);
      else answer(error);
    });
    return {};
  };
}

const LITERAL = '127.0.0.1';
function nothing(): void {}

/** 0: both. */
function familyOf(family: unknown): 0 | 4 | 6 {
  if (family === 4 || family === 'IPv4') return 4;
  return family === 6 || family === 'IPv6' ? 6 : 0;
}

/**
 * All addresses of `name`, which is none itself; at least one.
 * @throws Unanswered ENOTFOUND, or EAI_AGAIN where nobody knows
 */
async function lookUp(host: NameHost, name: string, options: LookupOptions = {}): Promise<Found[]> {
  const { hints = 0 } = options;
  const isMapping = options.family === 6 && (hints & dns.V4MAPPED) !== 0;
  const both = options.family === undefined || isMapping;
  const families: (4 | 6)[] = both ? [4, 6] : [options.family];
  const reachable = (hints & dns.ADDRCONFIG) === 0 ? families : families.filter((family) => host.families.has(family));
  const found = isLocalhost(name) ? LOCALHOST.filter(({ family }) => families.includes(family)) : await search(host, name, reachable);
  return ordered(isMapping ? mapped(found, (hints & dns.ALL) !== 0) : found, options.order ?? 'verbatim', host);
}

/** RFC 6761 §6.3: whatever anybody's server says. */
const isLocalhost = (name: string): boolean => /(^|\.)localhost\.?$/i.test(name);

async function search(host: NameHost, name: string, families: readonly (4 | 6)[]): Promise<Found[]> {
  const written = fromHostsFile(name).filter(({ family }) => families.includes(family));
  if (written.length > 0) return written;
  const outcomes = await Promise.allSettled(families.map((family) => ask(host.resolver, name, family)));
  const found = outcomes.flatMap((each) => (each.status === 'fulfilled' ? each.value : []));
  if (found.length > 0) return found;
  const reasons = outcomes.flatMap((each) => (each.status === 'rejected' ? [each.reason as Error] : []));
  const other = reasons.find((reason) => !(reason instanceof Unanswered));
  if (other !== undefined) throw other;
  const isKnown = (reasons as Unanswered[]).every(({ code }) => ['ENOTFOUND', 'ENODATA', 'EBADNAME'].includes(code));
  throw new Unanswered(isKnown ? 'ENOTFOUND' : 'EAI_AGAIN');
}

async function ask(resolver: StubResolver, name: string, family: 4 | 6): Promise<Found[]> {
  const type = family === 4 ? 'A' : 'AAAA';
  const answers = await resolver.query(name, type);
  return answers.flatMap((each) => (each.type === type ? [{ address: (each as { data: string }).data, family }] : []));
}

/** Read at once: while a stack is driven in virtual time, nothing else happens. */
function fromHostsFile(name: string): Found[] {
  let text = '';
  try {
    text = readFileSync(HOSTS_FILE, 'utf8');
  } catch {
    // There need not be one.
  }
  const wanted = name.toLowerCase().replace(/\.$/, '');
  return text.split('\n').flatMap((line): Found[] => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    if (family === 0 || !names.some((each) => each.toLowerCase() === wanted)) return [];
    return [{ address, family: family as 4 | 6 }];
  });
}

function mapped(found: readonly Found[], all: boolean): Found[] {
  const six = found.filter(({ family }) => family === 6);
  if (six.length > 0 && !all) return six;
  const four = found.filter(({ family }) => family === 4);
  return [...six, ...four.map(({ address }): Found => ({ address: `::ffff:${address}`, family: 6 }))];
}

/** As the system would have it: what can be reached first (RFC 6724 §6, rule 1), else IPv6. */
function ordered(found: readonly Found[], order: 'verbatim' | 'ipv4first' | 'ipv6first', host: NameHost): Found[] {
  const first = order === 'ipv4first' || (order === 'verbatim' && !host.families.has(6)) ? 4 : 6;
  return [...found.filter(({ family }) => family === first), ...found.filter(({ family }) => family !== first)];
}
