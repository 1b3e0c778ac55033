// The options of a stream socket: SOL_SOCKET's that reach into the connection, those of IP and IPv6, and TCP's. Each is a row
// of a table: how it is told, and what setting it does. tcp(7), ip(7), ipv6(7), socket(7); ranges as Linux has them.

import { CONGESTION_NAMES } from '../../tcp/congestion/controllers.js';
import type { ConnectionOptions } from '../../tcp/connection.js';
import type { ListenOptions } from '../../tcp/listener.js';
import { tcpInfo } from '../../tcp/info.js';
import type { Settings } from '../../tcp/settings.js';
import * as C from './constants.js';
import type { Errno } from './constants.js';
import { intOf } from './socket-options.js';
import { type Linger, type OptionValue, Refusal } from './socket.js';
import { linuxTcpInfo } from './tcp-info.js';
import type { TcpSocket } from './tcp-socket.js';

type Writable<T> = { -readonly [K in keyof T]: T[K] };

/** What was set, for the connection that is or will be. */
export class TcpSettingsOfSocket {
  /** A listener reads it with each SYN: what is set later holds for later connections. */
  readonly options: Writable<ListenOptions> = { port: 0 };
  reuseAddress = false;
  ipv6Only = false;
  /** SO_LINGER, ms; null: close does not wait. */
  lingerMs: number | null = null;
  corked = false;
  recordErrors = false;
  fastOpenConnect = false;
  notSentLowWater = Infinity;

  /** What an accepted socket has of its listener. Its connection has the rest. */
  copy(from: TcpSettingsOfSocket): void {
    const { reuseAddress, ipv6Only, lingerMs, recordErrors, notSentLowWater } = from;
    Object.assign(this, { reuseAddress, ipv6Only, lingerMs, recordErrors, notSentLowWater });
    Object.assign(this.options, from.options);
    // The name is another's.
    delete this.options.address;
    delete this.options.binding;
  }
}

interface Option {
  readonly get: (s: TcpSocket) => OptionValue | Refusal;
  /** Absent: it can only be asked. */
  readonly set?: (s: TcpSocket, value: number, given: OptionValue) => Errno | null;
}

/** Null: there is no such option. */
export function getTcpOption(s: TcpSocket, level: number, name: number): OptionValue | Refusal | null {
  return find(s, level, name)?.get(s) ?? null;
}

export function setTcpOption(s: TcpSocket, level: number, name: number, value: OptionValue): Errno | null {
  const option = find(s, level, name);
  return option?.set === undefined ? 'ENOPROTOOPT' : option.set(s, intOf(value), value);
}

function find(s: TcpSocket, level: number, name: number): Option | undefined {
  // RFC 3493 §5: IPv6's are for sockets of its family.
  if (level === C.IPPROTO_IPV6 && s.common.domain !== C.AF_INET6) return undefined;
  return OPTIONS[level]?.[name];
}

/** For the connection that is, and for those to come. */
function configure(s: TcpSocket, options: ConnectionOptions): null {
  Object.assign(s.settings.options, options);
  s.connection?.configure(options);
  return null;
}

/** What the connection has, or would have; undefined: the default. */
function option<K extends keyof Settings & keyof ConnectionOptions>(s: TcpSocket, key: K): Settings[K] | ConnectionOptions[K] {
  return s.connection === null ? s.settings.options[key] : s.connection.settings[key];
}

type Flag = 'noDelay' | 'keepAlive' | 'quickAck';

const flag = (key: Flag): Option => ({
  get: (s) => (option(s, key) === true ? 1 : 0),
  set: (s, value) => configure(s, { [key]: value !== 0 }),
});

/** An int in units of `scale` of ours, `min .. max`. */
function ranged(
  key: 'keepAliveIdleMs' | 'keepAliveIntervalMs' | 'userTimeoutMs', scale: number, min: number, max: number,
  otherwise: number,
): Option {
  return {
    get: (s) => Math.ceil((option(s, key) ?? otherwise * scale) / scale),
    set: (s, value) => (value < min || value > max ? 'EINVAL' : configure(s, { [key]: value * scale })),
  };
}

/** 8 bits, or -1 for the default. */
function octet(key: 'hopLimit' | 'trafficClass', min: number, otherwise: number): Option {
  return {
    get: (s) => (s.connection !== null ? s.connection.flow[key] : s.settings.options[key] ?? otherwise),
    set: (s, value) => {
      if (value !== -1 && (value < min || value > 255)) return 'EINVAL';
      return configure(s, { [key]: value === -1 ? otherwise : value });
    },
  };
}

/** Twice what the application may fill: Linux counts its own bookkeeping as another half. socket(7). */
function buffer(key: 'sendBuffer' | 'receiveBuffer', min: number): Option {
  return {
    get: (s) => 2 * (s.connection?.[key] ?? s.settings.options[key] ?? s.tcp.options[key]),
    // Also Linux: as an unsigned number, so that a negative one is the most.
    set: (s, value) => configure(s, { [key]: Math.max(min, 2 * Math.min(value >>> 0, BUFFER_MAX)) / 2 }),
  };
}

/** Bytes. Linux's wmem_max and rmem_max are settings; this is the size up to which its tuning goes. */
const BUFFER_MAX = 16 << 20;

const SOCKET_OPTIONS: Record<number, Option> = {
  [C.SO_REUSEADDR]: {
    get: (s) => (s.settings.reuseAddress ? 1 : 0),
    set: (s, value) => {
      s.setReuseAddress(value !== 0);
      return null;
    },
  },
  [C.SO_KEEPALIVE]: flag('keepAlive'),
  [C.SO_SNDBUF]: buffer('sendBuffer', 4608),
  [C.SO_RCVBUF]: buffer('receiveBuffer', 2304),
  [C.SO_ACCEPTCONN]: { get: (s) => (s.listener !== null ? 1 : 0) },
  // RFC 6093 §6: urgent text is always in line.
  [C.SO_OOBINLINE]: { get: () => 1, set: (_, value) => (value === 0 ? 'EOPNOTSUPP' : null) },
  [C.SO_LINGER]: {
    get: ({ settings: { lingerMs } }): Linger => ({ l_onoff: lingerMs === null ? 0 : 1, l_linger: (lingerMs ?? 0) / 1000 }),
    set: (s, _, given) => {
      if (typeof given !== 'object' || !('l_onoff' in given)) return 'EINVAL';
      const { l_onoff: on, l_linger: seconds } = given;
      s.settings.lingerMs = on === 0 ? null : Math.max(0, seconds) * 1000;
      return null;
    },
  },
};

/** Also Linux: of TCP's traffic class only the DSCP is the application's, the ECN bits are TCP's own. */
const trafficClass = (min: number): Option => {
  const plain = octet('trafficClass', min, 0);
  return { get: plain.get, set: (s, value, given) => plain.set!(s, value < 0 || value > 255 ? value : value & 0xfc, given) };
};

const mtuDiscover: Option = {
  get: (s) => s.common.remembered.get(MTU_DISCOVER) ?? C.IP_PMTUDISC_WANT,
  set: (s, value) => {
    if (value < C.IP_PMTUDISC_DONT || value > 5) return 'EINVAL';
    s.common.remembered.set(MTU_DISCOVER, value);
    s.heedMtuDiscover();
    return null;
  },
};

export const MTU_DISCOVER = 'mtu-discover';

const pathMtu: Option = {
  get: ({ connection: c, tcp }) => (c === null ? new Refusal('ENOTCONN') : tcp.ip.pathMtuOf(c.flow, tcp.env.now())),
};

const recordErrors: Option = {
  get: (s) => (s.settings.recordErrors ? 1 : 0),
  set: (s, value) => {
    s.settings.recordErrors = value !== 0;
    return null;
  },
};

const IP_OPTIONS: Record<number, Option> = {
  // Also Linux: a byte, whatever it was before.
  [C.IP_TOS]: { get: trafficClass(0).get, set: (s, value, given) => trafficClass(0).set!(s, value & 0xff, given) },
  [C.IP_TTL]: octet('hopLimit', 1, 64),
  [C.IP_MTU_DISCOVER]: mtuDiscover,
  [C.IP_MTU]: pathMtu,
  [C.IP_RECVERR]: recordErrors,
};

const IPV6_OPTIONS: Record<number, Option> = {
  [C.IPV6_TCLASS]: trafficClass(0),
  [C.IPV6_UNICAST_HOPS]: octet('hopLimit', 0, 64),
  [C.IPV6_MTU_DISCOVER]: mtuDiscover,
  [C.IPV6_MTU]: pathMtu,
  [C.IPV6_RECVERR]: recordErrors,
  [C.IPV6_V6ONLY]: {
    get: (s) => (s.settings.ipv6Only ? 1 : 0),
    set: (s, value) => {
      if (s.isBound) return 'EINVAL';
      s.settings.ipv6Only = value !== 0;
      return null;
    },
  },
};

/** Linux's names of the algorithms. */
const ALGORITHMS = { 'new-reno': 'reno', cubic: 'cubic', bbr: 'bbr' } as const;

const TCP_OPTIONS: Record<number, Option> = {
  [C.TCP_NODELAY]: flag('noDelay'),
  [C.TCP_QUICKACK]: flag('quickAck'),
  [C.TCP_KEEPIDLE]: ranged('keepAliveIdleMs', 1000, 1, 32_767, 7200),
  [C.TCP_KEEPINTVL]: ranged('keepAliveIntervalMs', 1000, 1, 32_767, 75),
  [C.TCP_KEEPCNT]: {
    get: (s) => option(s, 'keepAliveProbes') ?? s.tcp.options.keepAliveProbes,
    set: (s, value) => (value < 1 || value > 127 ? 'EINVAL' : configure(s, { keepAliveProbes: value })),
  },
  [C.TCP_USER_TIMEOUT]: ranged('userTimeoutMs', 1, 0, 0x7fff_ffff, 0),
  [C.TCP_SYNCNT]: {
    get: (s) => option(s, 'synRetries') ?? s.tcp.options.synRetries,
    set: (s, value) => (value < 1 || value > 127 ? 'EINVAL' : configure(s, { synRetries: value })),
  },
  [C.TCP_MAXSEG]: {
    get: (s) => {
      const set = option(s, 'maxSegment') ?? Infinity;
      return s.connection?.snd.smss ?? (set === Infinity ? MSS_DEFAULT : set);
    },
    set: (s, value) => {
      if (value !== 0 && (value < 88 || value > 32_767)) return 'EINVAL';
      return configure(s, { maxSegment: value === 0 ? Infinity : value });
    },
  },
  [C.TCP_CORK]: {
    get: (s) => (s.settings.corked ? 1 : 0),
    set: (s, value) => {
      s.settings.corked = value !== 0;
      return configure(s, { corked: value !== 0 });
    },
  },
  [C.TCP_LINGER2]: {
    get: (s) => {
      const ms = option(s, 'finWait2Ms') ?? s.tcp.options.finWait2Ms;
      return ms === 0 ? -1 : ms / 1000;
    },
    // 0 is the default again, and a negative one no wait at all; at most two minutes.
    set: (s, value) => configure(s, {
      finWait2Ms: value < 0 ? 0 : value === 0 ? s.tcp.options.finWait2Ms : Math.min(value, 120) * 1000,
    }),
  },
  // The queue of a listener; 0: off. RFC 7413.
  [C.TCP_FASTOPEN]: {
    get: (s) => s.settings.options.fastOpen?.queue ?? 0,
    set: (s, value) => {
      if (value < 0 || s.connection !== null) return 'EINVAL';
      if (value === 0) delete s.settings.options.fastOpen;
      else s.settings.options.fastOpen = { queue: Math.min(value, 65_535) };
      return null;
    },
  },
  [C.TCP_FASTOPEN_CONNECT]: {
    get: (s) => (s.settings.fastOpenConnect ? 1 : 0),
    set: (s, value) => {
      if (s.connection !== null || s.listener !== null || (value !== 0 && value !== 1)) return 'EINVAL';
      s.settings.fastOpenConnect = value === 1;
      return null;
    },
  },
  [C.TCP_DEFER_ACCEPT]: {
    get: (s) => (s.settings.options.deferAcceptMs ?? 0) / 1000,
    set: (s, value) => {
      s.settings.options.deferAcceptMs = deferSeconds(value) * 1000;
      return null;
    },
  },
  [C.TCP_WINDOW_CLAMP]: {
    get: (s) => {
      const clamp = option(s, 'windowClamp') ?? Infinity;
      return clamp === Infinity ? 0 : clamp;
    },
    set: (s, value) => {
      if (value === 0 && s.connection !== null) return 'EINVAL';
      return configure(s, { windowClamp: value === 0 ? Infinity : Math.max(1152, value) });
    },
  },
  [C.TCP_NOTSENT_LOWAT]: {
    get: ({ settings: { notSentLowWater } }) => (notSentLowWater === Infinity ? 0 : notSentLowWater),
    set: (s, value) => {
      s.settings.notSentLowWater = value === 0 ? Infinity : value >>> 0;
      return null;
    },
  },
  [C.TCP_CONGESTION]: {
    get: (s) => ALGORITHMS[s.connection?.settings.congestion ?? s.settings.options.congestion ?? 'cubic'],
    set: (s, _, given) => {
      const name = CONGESTION_NAMES.find((each) => ALGORITHMS[each] === given);
      return name === undefined ? 'ENOENT' : configure(s, { congestion: name });
    },
  },
  [C.TCP_INFO]: {
    get: (s) => linuxTcpInfo(s.connection === null ? null : tcpInfo(s.connection, s.tcp.env.now()), s.listener),
  },
};

/** Linux counts in repetitions of the SYN+ACK, after 1, 2, 4 … seconds: rounded up to the next of their sums. */
function deferSeconds(wanted: number): number {
  let sum = 0;
  for (let timeout = 1; sum < wanted; timeout = Math.min(2 * timeout, 120)) sum += timeout;
  return sum;
}

/** RFC 9293 MUST-15. */
const MSS_DEFAULT = 536;

const OPTIONS: Record<number, Record<number, Option>> = {
  [C.SOL_SOCKET]: SOCKET_OPTIONS, [C.IPPROTO_IP]: IP_OPTIONS, [C.IPPROTO_IPV6]: IPV6_OPTIONS, [C.IPPROTO_TCP]: TCP_OPTIONS,
};
