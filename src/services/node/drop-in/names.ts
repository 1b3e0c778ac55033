// Node's `dns`, asking by our UDP and TCP the servers of the configuration: functions are changed in Node's own module, where
// everybody has them from. What makes no sense, or needs no server, is for Node's own functions to say.

import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
import { isV4, parseAddress, write16, write4 } from '../../../address.js';
import { type DeviceConfiguration, formatNameserver, type Nameserver, parseNameserver } from '../../../socket-api/node/configuration.js';
import { familiesOf, lookupOver } from '../dns/lookup.js';
import { inAscii, literalOf, reverseName } from '../dns/name.js';
import { type AnyFunction, type Callback, failure, settle } from '../dns/outcome.js';
import { RECORDS, shaped, shapedWithTypes } from '../dns/records.js';
import { type RecordType, type ResolverHost, StubResolver, Unanswered } from '../dns/stub-resolver.js';

const { Resolver: RealResolver } = dns;

type Functions = Record<string, AnyFunction>;

/** Of each type, as in `resolveMx`. */
const METHODS: Record<string, RecordType | 'ANY'> = {
  resolve4: 'A', resolve6: 'AAAA', resolveCname: 'CNAME', resolveNs: 'NS', resolvePtr: 'PTR', resolveMx: 'MX', resolveTxt: 'TXT',
  resolveSrv: 'SRV', resolveSoa: 'SOA', resolveNaptr: 'NAPTR', resolveCaa: 'CAA', resolveTlsa: 'TLSA', resolveAny: 'ANY',
};

/** From now on, those of `device` are asked. */
export function bringNamesOver(host: ResolverHost, device: DeviceConfiguration): void {
  const resolver = new StubResolver(host, device.nameservers ?? []);
  const real = dns as unknown as Functions & { promises: Functions };
  const original: Functions = { ...real, promises: { ...real.promises } as never };
  const ours = methodsOf(() => resolver, original);
  const lookup = lookupOver({ resolver, families: familiesOf(device) }, original.lookup!);
  // What util.promisify makes of it.
  for (const symbol of Object.getOwnPropertySymbols(original.lookup)) Object.defineProperty(lookup, symbol, Object.getOwnPropertyDescriptor(original.lookup, symbol)!);
  Object.assign(real, ours, { lookup, Resolver: resolverClass(host, resolver, original, false) });
  Object.assign(real.promises, promised(ours, original.promises as unknown as Functions), {
    lookup: promisedLookup(lookup, (original.promises as unknown as Functions).lookup!), Resolver: resolverClass(host, resolver, original, true),
  });
  syncBuiltinESMExports();
}

/** Whose servers are asked: those of a `Resolver`, or everybody's. */
type ResolverOf = (self: unknown) => StubResolver;

/** The functions of `dns` that ask servers, with callbacks. */
function methodsOf(resolverOf: ResolverOf, real: Functions): Functions {
  const methods: Functions = {};
  for (const [name, type] of Object.entries(METHODS)) {
    const its = real[name];
    // Not every Node knows every type.
    if (its === undefined) continue;
    methods[name] = function (host, ...rest) {
      const [callback, options] = [rest.at(-1), rest.length > 1 ? rest[0] as { ttl?: boolean } : {}];
      if (typeof host !== 'string' || typeof callback !== 'function') return its(host, ...rest);
      settle(resolve(resolverOf(this), host, type, options?.ttl === true), callback as Callback);
      return {};
    };
  }
  methods.resolve = function (host, ...rest) {
    const [type, callback] = rest.length > 1 ? rest : ['A', rest[0]];
    const method = methods[methodOf(type) ?? ''];
    if (method === undefined || typeof host !== 'string' || typeof callback !== 'function') return real.resolve!(host, ...rest);
    return method.call(this, host, callback);
  };
  const { reverse } = real;
  methods.reverse = function (address, callback) {
    const parsed = typeof address === 'string' ? parseAddress(address) : null;
    if (parsed === null || typeof callback !== 'function') return reverse!(address, callback);
    const bytes = new Uint8Array(isV4(parsed) ? 4 : 16);
    if (isV4(parsed)) write4(bytes, 0, parsed);
    else write16(bytes, 0, parsed);
    settle(resolve(resolverOf(this), reverseName(bytes), 'PTR', false, REVERSE, address as string), callback as Callback);
    return {};
  };
  methods.getServers = function () {
    return resolverOf(this).servers.map(formatNameserver);
  };
  methods.setServers = function (list) {
    resolverOf(this).servers = serversOf(list as string[]);
  };
  return methods;
}

const methodOf = (type: unknown): string | undefined => Object.entries(METHODS).find(([, each]) => each === type)?.[0];

const REVERSE = 'getHostByAddr';

async function resolve(
  resolver: StubResolver, name: string, type: RecordType | 'ANY', withTtl: boolean, syscall = RECORDS[type]?.syscall ?? 'queryAny', shown = name,
): Promise<unknown> {
  try {
    const answers = await resolver.query(inAscii(name), type as RecordType);
    if (type === 'ANY') return shapedWithTypes(answers);
    const records = answers.filter((each) => each.type === type);
    if (records.length === 0) return nothingOf(type);
    if (type === 'SOA') return shaped(records[0]!);
    return records.map((each) => (withTtl ? { address: shaped(each), ttl: (each as { ttl?: number }).ttl } : shaped(each)));
  } catch (error) {
    if (!(error instanceof Unanswered)) throw error;
    // Whatever a server says, c-ares then looks whether the system knows the address, and says only that it does not.
    const code = syscall === REVERSE && error.code !== 'ECANCELLED' ? 'ENOTFOUND' : error.code;
    throw failure(code, syscall, shown);
  }
}

function promisedLookup(lookup: AnyFunction, original: AnyFunction): AnyFunction {
  return (name, options) => {
    if (typeof name !== 'string' || name === '') return original(name, options);
    const literal = literalOf(name);
    // What makes no sense it throws at once; of a literal it asks nobody.
    const answer = original(literal ?? '127.0.0.1', options);
    if (literal !== null) return answer;
    const all = (options as { all?: unknown } | null | undefined)?.all === true;
    return new Promise((give, fail) => {
      lookup(name, options ?? {}, (error: Error | null, found: unknown, family: unknown) => {
        if (error !== null) fail(error);
        else give(all ? found : { address: found, family });
      });
    });
  };
}

/** The name has another, and that has no such record: as c-ares tells it. */
function nothingOf(type: RecordType): unknown[] {
  if (['MX', 'TXT', 'SRV', 'NAPTR', 'CAA', 'TLSA'].includes(type)) return [];
  throw new Unanswered(type === 'SOA' ? 'EBADRESP' : 'ENODATA');
}

/** The same functions for `dns.promises`. */
function promised({ getServers, setServers, ...methods }: Functions, real: Functions): Functions {
  const promising = Object.fromEntries(Object.entries(methods).map(([name, method]): [string, AnyFunction] =>
    [name, function (...given) {
      const args = name === 'resolve' ? [given[0], given[1] ?? 'A'] : given;
      const isOdd = typeof args[0] !== 'string' || (name === 'resolve' && methods[methodOf(args[1]) ?? ''] === undefined);
      if (isOdd) return real[name]!(...args);
      return new Promise((give, fail) => {
        method.call(this, ...args, (error: Error | null, result: unknown) => {
          if (error !== null) fail(error);
          else give(result);
        });
      });
    }]));
  return { getServers: getServers!, setServers: setServers!, ...promising };
}

/** `dns.Resolver`, or that of `dns.promises`: servers and patience of its own. */
function resolverClass(host: ResolverHost, common: StubResolver, real: Functions, withPromises: boolean): unknown {
  const own = new WeakMap<object, StubResolver>();
  const of: ResolverOf = (self) => own.get(self as object)!;
  class Resolver {
    constructor(options?: { timeout?: number; tries?: number } | null) {
      // What makes no sense is for Node's own to say.
      void new RealResolver(options ?? undefined);
      const { timeout, tries } = options ?? {};
      own.set(this, new StubResolver(host, common.servers, {
        ...(timeout !== undefined && timeout >= 0 && { timeoutMs: timeout }), ...(tries !== undefined && { tries }),
      }));
    }

    cancel(): void {
      of(this).cancel();
    }

    /** Checked, and of no effect: the stack chooses, as for any packet. */
    setLocalAddress(...addresses: [ipv4?: string, ipv6?: string]): void {
      new RealResolver().setLocalAddress(...addresses);
    }
  }
  const methods = methodsOf(of, real);
  const all = withPromises ? promised(methods, real.promises as unknown as Functions) : methods;
  for (const [name, value] of Object.entries(all)) Object.defineProperty(Resolver.prototype, name, { value, writable: true, configurable: true });
  return Resolver;
}

/** @throws as Node's own setServers: it takes nothing but addresses, and says so in its own words */
function serversOf(list: readonly string[]): Nameserver[] {
  new RealResolver().setServers(list);
  return list.map((text) => {
    const nameserver = parseNameserver(text);
    // It takes the name of an interface behind an address; to a stack that is a number.
    if (nameserver === null) throw Object.assign(new TypeError(`Invalid IP address: ${text}`), { code: 'ERR_INVALID_IP_ADDRESS' });
    return nameserver;
  });
}
