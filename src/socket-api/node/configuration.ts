// What stack a program gets that does not know of us: said in one line, `tun:NAME,addr=…,gateway=…` or `loopback`, or in a
// JSON file. What is wrong with it is said in one sentence.

import { readFileSync } from 'node:fs';
import { parseAddress, parsePrefix } from '../../address.js';
import { isPossibleName } from '../../link/node/ifreq.js';

export interface Configuration {
  /** Null: this host alone. */
  readonly device: DeviceConfiguration | null;
}

export interface DeviceConfiguration {
  readonly medium: 'ip' | 'ethernet';
  /** Empty: the kernel chooses. */
  readonly name: string;
  /** Ours, with prefix lengths. */
  readonly addresses: readonly string[];
  readonly gateways: readonly string[];
  /** The kernel's addresses on its end, with prefix lengths. */
  readonly kernel: readonly string[];
  /** Bytes of IP packet; null: the device's. */
  readonly mtu: number | null;
  /** Who is asked for names. Default: nobody, but the system's resolver is, over the kernel's sockets. */
  readonly nameservers?: readonly Nameserver[];
}

export interface Nameserver {
  readonly address: string;
  readonly port: number;
}

/** Its message is a sentence for whoever wrote the configuration. */
export class ConfigurationError extends Error {
  readonly code = 'ERR_WALLSOCKET_CONFIGURATION';
}

/** This host alone. */
export const LOOPBACK: Configuration = { device: null };

const MTU_MIN = 68;
const MTU_MAX = 65_535;

/**
 * @param text  `loopback` (also when empty), `tun[:NAME][,KEY=VALUE]…`, `tap…` likewise, or the path of a JSON file, which
 *              has a slash or ends with `.json`
 * @throws ConfigurationError
 */
export function readConfiguration(text: string): Configuration {
  const trimmed = text.trim();
  if (trimmed === '') return LOOPBACK;
  if (trimmed.startsWith('{')) return fromJson(trimmed, 'the configuration');
  const [head = ''] = trimmed.split(',');
  if (trimmed.endsWith('.json') || (head.includes('/') && !head.includes('='))) return fromFile(trimmed);
  return fromLine(trimmed);
}

function fromLine(text: string): Configuration {
  const [device = '', ...pairs] = text.split(',').map((part) => part.trim());
  const values = new Map<string, string[]>();
  for (const pair of pairs) {
    const equals = pair.indexOf('=');
    if (equals < 1) throw new ConfigurationError(`'${pair}' in '${text}' is no KEY=VALUE.`);
    const key = pair.slice(0, equals);
    values.set(key, [...values.get(key) ?? [], pair.slice(equals + 1)]);
  }
  return build(device, values);
}

function fromFile(path: string): Configuration {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new ConfigurationError(`The configuration ${path} cannot be read: ${(error as Error).message}.`);
  }
  return fromJson(text, path);
}

/** `{ "device": "tun:tun0", "addr": ["10.0.0.2/24"], "gateway": "10.0.0.1" }`: the keys are those of the line. */
function fromJson(text: string, where: string): Configuration {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ConfigurationError(`What ${where} says is no JSON: ${(error as Error).message}.`);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new ConfigurationError(`What ${where} says is no JSON object.`);
  }
  const { device = 'loopback', ...rest } = value as Record<string, unknown>;
  if (typeof device !== 'string') throw new ConfigurationError(`'device' in ${where} must be a string.`);
  const values = new Map<string, string[]>();
  for (const [key, given] of Object.entries(rest)) {
    const list = [given].flat();
    if (!list.every((each) => typeof each === 'string' || typeof each === 'number')) {
      throw new ConfigurationError(`'${key}' in ${where} must be a string, a number, or a list of them.`);
    }
    values.set(key, list.map(String));
  }
  return build(device, values);
}

const KEYS = ['addr', 'gateway', 'kernel', 'mtu', 'dns'];

function build(device: string, values: ReadonlyMap<string, readonly string[]>): Configuration {
  for (const key of values.keys()) {
    if (!KEYS.includes(key)) throw new ConfigurationError(`'${key}' is no option; there are ${KEYS.join(', ')}.`);
  }
  const list = (key: string): readonly string[] => values.get(key) ?? [];
  if (device === 'loopback') {
    const [more] = values.keys();
    if (more !== undefined) throw new ConfigurationError(`'${more}' says nothing about loopback, which is this host alone.`);
    return LOOPBACK;
  }
  const [kind = '', name = ''] = device.split(':', 2);
  if (kind !== 'tun' && kind !== 'tap') {
    throw new ConfigurationError(`'${device}' is no device; there are loopback, tun:NAME and tap:NAME.`);
  }
  if (!isPossibleName(name)) throw new ConfigurationError(`'${name}' cannot be the name of an interface.`);
  if (list('addr').length === 0) {
    throw new ConfigurationError(`The stack on ${device} has no address; say addr=10.0.0.2/24 or the like.`);
  }
  for (const key of ['addr', 'kernel']) for (const text of list(key)) checkPrefix(key, text);
  for (const text of list('gateway')) {
    if (parseAddress(text) === null) throw new ConfigurationError(`gateway=${text} is no address.`);
  }
  return {
    device: {
      medium: kind === 'tun' ? 'ip' : 'ethernet', name, mtu: mtuOf(list('mtu')),
      addresses: list('addr'), gateways: list('gateway'), kernel: list('kernel'), nameservers: list('dns').map(nameserverOf),
    },
  };
}

function checkPrefix(key: string, text: string): void {
  if (parsePrefix(text) !== null) return;
  const hint = parseAddress(text) === null ? 'is no address with a prefix length' : 'lacks its prefix length';
  throw new ConfigurationError(`${key}=${text} ${hint}; it is written as 10.0.0.2/24 or fd00::2/64.`);
}

const DNS_PORT = 53;
/** `10.0.0.1`, `10.0.0.1:5353`, `fd00::1`, `[fd00::1]:5353`. */
const NAMESERVER = /^(?:\[([^\]]+)\]|([^:]+|[^:]*:[^:]*:.*?))(?::(\d+))?$/;

/** Null: it is none. */
export function parseNameserver(text: string): Nameserver | null {
  const [, bracketed, plain, portText] = NAMESERVER.exec(text) ?? [];
  const address = bracketed ?? plain ?? '';
  const port = portText === undefined ? DNS_PORT : Number(portText);
  return parseAddress(address) === null || port < 1 || port > 65_535 ? null : { address, port };
}

/** As `parseNameserver` reads it, and Node's getServers writes it. */
export function formatNameserver({ address, port }: Nameserver): string {
  if (port === DNS_PORT) return address;
  return address.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
}

function nameserverOf(text: string): Nameserver {
  const nameserver = parseNameserver(text);
  if (nameserver === null) throw new ConfigurationError(`dns=${text} is no address of a server, as 10.0.0.1 or [fd00::1]:5353.`);
  return nameserver;
}

function mtuOf([text]: readonly string[]): number | null {
  if (text === undefined) return null;
  const mtu = Number(text);
  if (Number.isInteger(mtu) && mtu >= MTU_MIN && mtu <= MTU_MAX) return mtu;
  throw new ConfigurationError(`mtu=${text} is no number of bytes from ${MTU_MIN} to ${MTU_MAX}.`);
}
