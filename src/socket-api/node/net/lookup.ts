// Names become addresses by Node's own `dns.lookup`, as it is at the moment: programs replace it. But `localhost` means
// this host whatever the kernel's network is like (RFC 6761 §6.3).

import dns from 'node:dns';

import type { Host, Lookup } from '../host.js';
import type { Options } from './arguments.js';

type Answer = Parameters<Lookup>[2];

const original = dns.lookup;

export const LOCALHOST: readonly { address: string; family: 4 | 6 }[] = [{ address: '::1', family: 6 }, { address: '127.0.0.1', family: 4 }];
const HINTS = dns.ADDRCONFIG | dns.ALL | dns.V4MAPPED;
const FAMILIES = new Map<unknown, number>([[undefined, 0], [0, 0], [4, 4], [6, 6], ['IPv4', 4], ['IPv6', 6]]);

/** How sockets on `of` come from a name to addresses. */
export const lookupOf = (of: Host): Lookup => of.lookup ?? lookup;

export function lookup(host: string, asked: Options | null, answer: Answer): void {
  const options = asked ?? {};
  const family = FAMILIES.get(options.family);
  // What makes no sense is for Node to say.
  const isKnown = family !== undefined && (Number(options.hints ?? 0) & ~HINTS) === 0;
  const isOurs = dns.lookup === original && isKnown && String(host).toLowerCase() === 'localhost';
  if (!isOurs) {
    const its = dns.lookup as unknown as (host: string, ...rest: unknown[]) => void;
    // In the form that Node itself uses, for those who have put something in its place.
    if (asked === null) its(host, answer);
    else its(host, asked, answer);
    return;
  }
  const found = LOCALHOST.filter((each) => family === 0 || each.family === family);
  if (orderOf(options) === 'ipv4first') found.reverse();
  process.nextTick(() => {
    if (options.all === true) answer(null, found.map((each) => ({ ...each })));
    else answer(null, found[0]!.address, found[0]!.family);
  });
}

/** As Node has it, for which null is nothing said. */
export function orderOf({ order, verbatim }: Options): unknown {
  if (order !== undefined && order !== null) return order;
  if (verbatim !== undefined && verbatim !== null) return verbatim === true ? 'verbatim' : 'ipv4first';
  return dns.getDefaultResultOrder();
}
