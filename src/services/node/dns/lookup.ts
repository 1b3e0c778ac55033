// `dns.lookup`: the addresses of a name, by the host's own file, and then by the servers. What getaddrinfo(3) is to Node.

import { readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import dns from 'node:dns';

import { parsePrefix } from '../../../address.js';
import type { DeviceConfiguration } from '../../../socket-api/node/configuration.js';
import { type AnyFunction, type Callback, failure, inAscii, settle } from './outcome.js';
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
const LOOPBACKS: readonly Found[] = [{ address: '::1', family: 6 }, { address: '127.0.0.1', family: 4 }];

/** `dns.lookup` by those servers. @param original  says what makes no sense, and answers where nobody need be asked */
export function lookupOver(host: NameHost, original: AnyFunction): AnyFunction {
  return function lookup(name, ...rest) {
    const callback = rest.at(-1);
    const [given] = rest;
    const options = (typeof given === 'object' && given !== null ? given : {}) as Record<string, unknown>;
    const family = familyOf(typeof given === 'object' ? options.family : rest.length > 1 ? given : 0);
    const isOdd = typeof name !== 'string' || name === '' || isIP(name) !== 0 || typeof callback !== 'function' || family === null;
    if (isOdd || !isSensible(options)) return original(name, ...rest);
    const order = options.order ?? (options.verbatim === undefined ? dns.getDefaultResultOrder() : options.verbatim === true ? 'verbatim' : 'ipv4first');
    const found = lookUp(host, inAscii(name), {
      ...(family !== 0 && { family }), hints: Number(options.hints ?? 0), order: order as 'verbatim',
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

/** 0: both. Null: it makes no sense. */
function familyOf(family: unknown): 0 | 4 | 6 | null {
  if (family === undefined || family === 0) return 0;
  if (family === 4 || family === 'IPv4') return 4;
  return family === 6 || family === 'IPv6' ? 6 : null;
}

const HINTS = dns.ADDRCONFIG | dns.ALL | dns.V4MAPPED;

function isSensible({ hints, all, verbatim, order }: Record<string, unknown>): boolean {
  const isFlag = (value: unknown): boolean => value === undefined || typeof value === 'boolean';
  const areHints = hints === undefined || (typeof hints === 'number' && (hints & ~HINTS) === 0);
  return areHints && isFlag(all) && isFlag(verbatim) && (order === undefined || ['verbatim', 'ipv4first', 'ipv6first'].includes(String(order)));
}

/**
 * All addresses of `name`, which is none itself; at least one.
 * @throws Unanswered ENOTFOUND, or EAI_AGAIN where nobody knows
 */
async function lookUp(host: NameHost, name: string, options: LookupOptions = {}): Promise<Found[]> {
  const { hints = 0 } = options;
  const isMapping = options.family === 6 && (hints & dns.V4MAPPED) !== 0;
  const both = options.family === undefined || isMapping;
  let families: (4 | 6)[] = both ? [4, 6] : [options.family];
  if ((hints & dns.ADDRCONFIG) !== 0) families = families.filter((family) => host.families.has(family));
  const found = isLocalhost(name) ? LOOPBACKS.filter(({ family }) => families.includes(family)) : await search(host, name, families);
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

function fromHostsFile(name: string): Found[] {
  let text: string;
  try {
    text = readFileSync(HOSTS_FILE, 'utf8');
  } catch {
    return [];
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
